// SPDX-License-Identifier: Apache-2.0
// The line in front of a full upstream, on simulated shards.
#include <shoal/net/upstream/upstream_limit.hpp>

#include <shoal/core/sleep.hpp>
#include <tests/sim/limit_rig.hpp>
#include <tests/sim/seeds.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <stdexcept>
#include <stop_token>
#include <system_error>
#include <vector>

using shoal::duration;
using shoal::instant;
using shoal::runtime;
using shoal::shard;
using shoal::shard_id;
using shoal::task;
using shoal::upstream_limit;
using shoal::upstream_limit_options;
using shoal::sim::world;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

struct stage {
  stage(std::uint64_t seed, const upstream_limit_options& options)
      : w{seed, shoal::sim::perfect_network()}, r{quiet(lines), w.add_host("10.0.0.1")}, limit{r, options} {
    BOOST_REQUIRE(r.start().has_value());
  }
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;
  ~stage() {
    open_all();
    r.stop();
    r.wait();
  }

  /// Clients that stay until the door is opened, as many on each shard.
  void send(shard_id on, unsigned count, duration stay = shoal::duration::max()) {
    for (unsigned i = 0; i < count; ++i) spawn_on(r, on, [this, stay] { return client(stay); });
  }
  /// Those that are inside go; who comes later goes at once.
  void open_all() {
    is_open = true;
    BOOST_TEST(w.run_until([&] { return inside == 0; }, 1min));
  }
  [[nodiscard]] unsigned refused_for(shoal::errc why) { return refused[make_error_code(why)]; }

  shoal::log_collector lines;
  world w;
  runtime r;
  upstream_limit limit;
  std::vector<std::stop_source> impatience{limit_shards};  // by shard
  bool is_open = false;
  unsigned inside = 0;
  unsigned most = 0;
  unsigned served = 0;
  std::map<std::error_code, unsigned> refused;
  duration longest_wait{0};  // of those refused

 private:
  task<> client(duration stay) {
    const instant came = shard::current().now();
    auto place = limit.try_take();
    if (!place) {
      auto waiting = limit.wait(impatience[shard::current().id()].get_token());
      auto given = co_await waiting;
      if (!given) {
        ++refused[given.error()];
        longest_wait = std::max(longest_wait, shard::current().now() - came);
        co_return;
      }
      place = std::move(*given);
    }
    ++served;
    most = std::max(most, ++inside);
    const instant leaves = stay == duration::max() ? shoal::never : shard::current().now() + below(stay);
    while (!is_open && shard::current().now() < leaves) co_await shoal::sleep_for(1ms);
    --inside;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(upstream_limit_in_simulation)

BOOST_AUTO_TEST_CASE(a_thousand_clients_of_a_hundred_places_are_all_served) {
  for_each_seed(10, [](std::uint64_t seed) {
    stage s{seed, {.max_connections = 100, .max_pending = 1'000, .queue_timeout = 60s}};
    for (shard_id on = 0; on < limit_shards; ++on) s.send(on, 1'000 / limit_shards, 20ms);
    BOOST_TEST(s.w.run_until([&] { return s.served == 1'000; }, 1min));
    BOOST_TEST(s.most <= 100U);
    BOOST_TEST(s.most >= 98U);
  });
}

BOOST_AUTO_TEST_CASE(so_many_wait_and_no_more) {
  for_each_seed(20, [](std::uint64_t seed) {
    const auto pending = std::vector{1U, 7U, 40U}.at(seed % 3);
    stage s{seed, {.max_connections = 3, .max_pending = pending, .queue_timeout = 1h}};
    for (shard_id on = 0; on < limit_shards; ++on) s.send(on, 20);
    s.w.run_for(1s);
    BOOST_TEST(s.inside == 3U);
    BOOST_TEST(s.refused_for(shoal::errc::would_block) == 20 * limit_shards - 3 - pending);
    s.open_all();
    s.w.run_for(1s);
    BOOST_TEST(s.served == 3U + pending);  // and the line is empty
  });
}

BOOST_AUTO_TEST_CASE(nobody_is_refused_while_a_place_is_free_on_another_shard) {
  for_each_seed(20, [](std::uint64_t seed) {
    const std::size_t pending = seed % 2;
    stage s{seed, {.max_connections = 2, .max_pending = pending, .queue_timeout = 1h}};
    for (shard_id on = 0; on < limit_shards; ++on) {
      const auto before = s.served;
      s.send(on, 1, 1ms);
      s.w.run_for(200ms);  // the place comes back to where it was used
      BOOST_TEST(s.served == before + 1);
    }
    // All are taken: who does not wait is told so.
    s.send(3, 2);
    s.w.run_for(200ms);
    s.send(6, 2);
    s.w.run_for(200ms);
    BOOST_TEST(s.inside == 2U);
    BOOST_TEST(s.refused_for(shoal::errc::would_block) == 2 - pending);
  });
}

BOOST_AUTO_TEST_CASE(who_has_waited_long_enough_leaves_room_for_others) {
  for_each_seed(10, [](std::uint64_t seed) {
    stage s{seed, {.max_connections = 1, .max_pending = 4, .queue_timeout = 5s}};
    s.send(0, 1);
    s.w.run_for(100ms);
    for (shard_id on = 0; on < 4; ++on) s.send(on, 1);
    s.w.run_for(4s);
    BOOST_TEST(s.refused.empty());
    s.w.run_for(2s);
    BOOST_TEST(s.refused_for(shoal::errc::timed_out) == 4U);
    BOOST_TEST(s.longest_wait >= 5s);
    BOOST_TEST(s.longest_wait <= 5s + 100ms);
    for (shard_id on = 4; on < limit_shards; ++on) s.send(on, 1);
    s.w.run_for(1s);
    BOOST_TEST(s.refused_for(shoal::errc::would_block) == 0U);
    s.open_all();
    s.w.run_for(1s);
    BOOST_TEST(s.served == 5U);
  });
}

BOOST_AUTO_TEST_CASE(who_goes_away_leaves_the_line) {
  for_each_seed(10, [](std::uint64_t seed) {
    stage s{seed, {.max_connections = 1, .max_pending = 8, .queue_timeout = 1h}};
    for (shard_id on = 0; on < limit_shards; ++on) s.send(on, 1);
    s.w.run_for(1s);
    const auto lose_patience = [](stage& of) -> task<> {
      of.impatience[shard::current().id()].request_stop();
      co_return;
    };
    for (shard_id on = 0; on < limit_shards; ++on) spawn_on(s.r, on, [&] { return lose_patience(s); });
    s.w.run_for(100ms);
    BOOST_TEST(s.refused_for(shoal::errc::cancelled) == limit_shards - 1);
    s.impatience = std::vector<std::stop_source>(limit_shards);
    for (shard_id on = 0; on < limit_shards; ++on) s.send(on, 1);
    s.open_all();
    s.w.run_for(1s);
    BOOST_TEST(s.served == 1U + limit_shards);
  });
}

BOOST_AUTO_TEST_CASE(no_place_at_all_is_no_limit) {
  shoal::log_collector lines;
  world w{1, shoal::sim::perfect_network()};
  runtime r{quiet(lines), w.add_host("10.0.0.1")};
  BOOST_CHECK_THROW(upstream_limit(r, {.max_connections = 0}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
