// SPDX-License-Identifier: Apache-2.0
// Limits of the whole process on simulated shards: late messages, stalls, any order of turns.
#include <shoal/core/leased_limit.hpp>

#include <shoal/core/runtime.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/core/sleep.hpp>
#include <tests/sim/limit_rig.hpp>
#include <tests/sim/seeds.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <stop_token>
#include <vector>

using shoal::duration;
using shoal::leased_limit;
using shoal::leased_rate;
using shoal::runtime;
using shoal::shard;
using shoal::shard_id;
using shoal::task;
using shoal::sim::world;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

/// What is out, looked at by everybody: one thread runs them all.
struct crowd {
  int limit = 0;
  int inside = 0;
  int most = 0;
  int too_many = 0;
  std::size_t served = 0;
  std::size_t given_up = 0;
  std::size_t ended = 0;
  void enter() {
    most = std::max(most, ++inside);
    too_many += inside > limit ? 1 : 0;
  }
};

task<> claimant(leased_limit& of, crowd& all, int times, std::stop_token stop) {
  for (int i = 0; i < times; ++i) {
    co_await shoal::sleep_for(below(5ms));
    auto mine = shard::current().random().below(4) == 0 ? of.try_take() : std::nullopt;
    if (!mine) {
      auto waited = co_await of.take(stop);
      if (waited) mine = std::move(*waited);
    }
    if (!mine) {
      ++all.given_up;
      continue;
    }
    all.enter();
    co_await shoal::sleep_for(below(3ms));
    --all.inside;
    ++all.served;
  }
  ++all.ended;
}

/// Some of a shard's claimants are told to give up, while others go on.
task<> give_up_after(std::stop_source& source, duration length) {
  co_await shoal::sleep_for(length);
  source.request_stop();
}

/// Takes on one shard, gives back on another.
task<> keep_for_a_while(leased_limit::token mine, crowd& all) {
  co_await shoal::sleep_for(below(2ms));
  mine.release();
  --all.inside;
  ++all.ended;
}

task<> ask_fast(leased_rate& of, duration gap, const bool& over, std::uint64_t& passed) {
  while (!over) {
    passed += of.try_take() ? 1 : 0;
    co_await shoal::sleep_for(gap);
  }
}

task<> wait_in_turn(leased_rate& of, const bool& over, std::uint64_t& passed, std::stop_token stop) {
  while (!over) {
    const auto turn = co_await of.take(stop);
    if (!turn) co_return;
    ++passed;
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(leased_limit_in_simulation)

BOOST_AUTO_TEST_CASE(never_one_more_than_the_limit_and_all_of_it_reached) {
  for_each_seed(60, [](std::uint64_t seed) {
    world w{seed, seed % 2 == 0 ? shoal::sim::worst_network() : shoal::sim::perfect_network()};
    shoal::log_collector lines;
    runtime r{quiet(lines), w.add_host("10.0.0.1")};
    const int limit = std::vector{1, 5, 7, 8, 100}.at(seed % 5);
    const int rounds = limit == 100 ? 20 : 3;
    leased_limit clients{r, static_cast<std::size_t>(limit)};
    BOOST_REQUIRE(r.start().has_value());
    crowd all{.limit = limit};
    std::vector<std::stop_source> impatient(limit_shards);
    for (shard_id on = 0; on < limit_shards; ++on) {
      spawn_on(r, on, [&, on] { return give_up_after(impatient[on], 10ms); });
      for (int i = 0; i < 125; ++i) {
        spawn_on(r, on, [&, on, i] {
          return claimant(clients, all, rounds, i % 10 == 0 ? impatient[on].get_token() : std::stop_token{});
        });
      }
    }
    BOOST_TEST(w.run_until([&] { return all.ended == 125U * limit_shards; }, 1h));
    BOOST_TEST(all.too_many == 0);
    BOOST_TEST(all.most * 100 >= limit * 98);
    BOOST_TEST_MESSAGE("most " << all.most << " of " << limit);
    BOOST_TEST(all.served + all.given_up == static_cast<unsigned>(rounds) * 125 * limit_shards);
    BOOST_TEST(all.given_up <= static_cast<unsigned>(rounds) * 13 * limit_shards);
    r.stop();
    r.wait();
  });
}

BOOST_AUTO_TEST_CASE(the_limit_changes_while_they_come_and_go) {
  for_each_seed(40, [](std::uint64_t seed) {
    world w{seed, shoal::sim::worst_network()};
    shoal::log_collector lines;
    runtime r{quiet(lines), w.add_host("10.0.0.1")};
    leased_limit clients{r, 50};
    BOOST_REQUIRE(r.start().has_value());
    crowd all{.limit = 50};
    for (shard_id on = 0; on < limit_shards; ++on) {
      for (int i = 0; i < 40; ++i) spawn_on(r, on, [&] { return claimant(clients, all, 20, {}); });
    }
    for (const int limit : {10, 60, 3, 30, 0, 50}) {
      w.run_for(5ms);
      bool changed = false;
      bool low = false;
      int entered_high = 0;
      const auto change = [](leased_limit& of, int to, bool& done) -> task<> {
        co_await of.set_limit(static_cast<std::size_t>(to));
        done = true;
      };
      all.limit = std::max(all.limit, limit);  // until it has returned, either may hold
      spawn_on(r, static_cast<shard_id>(limit % limit_shards), [&, limit] { return change(clients, limit, changed); });
      BOOST_TEST(w.run_until([&] { return changed; }, 10s));
      // From now on nobody enters while as many as that are inside: the number can only fall until it is there.
      int last = all.inside;
      BOOST_TEST(w.run_until(
          [&] {
            if (all.inside > limit && all.inside > last) ++entered_high;
            last = all.inside;
            return low = all.inside <= limit;
          },
          10s));
      BOOST_TEST(low);
      BOOST_TEST(entered_high == 0);
      all.limit = limit;
    }
    BOOST_TEST(w.run_until([&] { return all.ended == 40U * limit_shards; }, 1h));
    BOOST_TEST(all.too_many == 0);
    r.stop();
    r.wait();
  });
}

BOOST_AUTO_TEST_CASE(tokens_that_travel_come_home) {
  for_each_seed(20, [](std::uint64_t seed) {
    world w{seed, shoal::sim::worst_network()};
    shoal::log_collector lines;
    runtime r{quiet(lines), w.add_host("10.0.0.1")};
    leased_limit clients{r, 20};
    BOOST_REQUIRE(r.start().has_value());
    crowd all{.limit = 20};
    std::size_t taken = 0;
    const auto traveller = [](leased_limit& of, crowd& count, std::size_t& total, runtime&) -> task<> {
      for (int i = 0; i < 30; ++i) {
        auto mine = co_await of.take();
        if (!mine) co_return;
        count.enter();
        ++total;
        const auto to = static_cast<shard_id>(shard::current().random().below(limit_shards));
        static_cast<void>(co_await shoal::submit_to(
            to,
            [](leased_limit::token moved, crowd* c) {
              shard::current().local<background>().tasks.spawn(keep_for_a_while(std::move(moved), *c));
              return true;
            },
            std::move(*mine), &count));
      }
    };
    for (shard_id on = 0; on < limit_shards; ++on) {
      for (int i = 0; i < 5; ++i) spawn_on(r, on, [&] { return traveller(clients, all, taken, r); });
    }
    BOOST_TEST(w.run_until([&] { return all.ended == 30U * 5 * limit_shards; }, 1h));
    BOOST_TEST(taken == 30U * 5 * limit_shards);
    BOOST_TEST(all.too_many == 0);
    shoal::limit_usage usage{.in_use = -1};
    const auto look = [](leased_limit& of, shoal::limit_usage& to) -> task<> { to = co_await of.usage(); };
    w.run_for(100ms);
    spawn_on(r, 2, [&] { return look(clients, usage); });
    BOOST_TEST(w.run_until([&] { return usage.in_use != -1; }, 1s));
    BOOST_TEST(usage.in_use == 0);
    r.stop();
    r.wait();
  });
}

BOOST_AUTO_TEST_CASE(a_rate_under_five_times_its_demand_for_30_s) {
  for_each_seed(6, [](std::uint64_t seed) {
    world w{seed, shoal::sim::perfect_network()};
    shoal::log_collector lines;
    runtime r{quiet(lines), w.add_host("10.0.0.1")};
    leased_rate logins{r, 1'000, 20};
    BOOST_REQUIRE(r.start().has_value());
    bool over = false;
    std::uint64_t passed = 0;
    std::stop_source done;
    // 5,000 a second in all, on every shard or on one; or some that wait in line.
    if (seed % 3 == 0) {
      spawn_on(r, 5, [&] { return ask_fast(logins, 200us, over, passed); });
    } else {
      for (shard_id on = 0; on < limit_shards; ++on) {
        spawn_on(r, on, [&] { return ask_fast(logins, 1'600us, over, passed); });
        if (seed % 3 == 2) spawn_on(r, on, [&] { return wait_in_turn(logins, over, passed, {}); });
      }
    }
    w.run_for(1s);
    const auto before = passed;
    w.run_for(30s);
    const auto a_second = static_cast<double>(passed - before) / 30;
    BOOST_TEST_MESSAGE("passed a second: " << a_second);
    BOOST_TEST(a_second >= 985);
    BOOST_TEST(passed - before <= 30'000U + 20);
    BOOST_TEST(passed <= 31'000U + 20);
    over = true;
    w.run_for(10ms);
    r.stop();
    r.wait();
  });
}

BOOST_AUTO_TEST_SUITE_END()
