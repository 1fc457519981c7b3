// SPDX-License-Identifier: Apache-2.0
// Shards that fall asleep at random, wake late or for nothing, and see messages late, lose none of them: the real
// mailboxes and the real sleep protocol, on simulated time.
#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <tests/sim/seeds.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstdint>

using shoal::duration;
using shoal::runtime;
using shoal::shard;
using shoal::shard_id;
using shoal::task;
using shoal::sim::world;
using shoal::test::for_each_seed;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t shards = 4;
constexpr int messages_each = 200;

struct background {
  explicit background(shard&) {}
  shoal::scope tasks{[](const std::exception_ptr&) noexcept { std::terminate(); }};
};

/// On each shard: what it has executed for others.
struct executed {
  explicit executed(shard&) {}
  std::uint64_t count = 0;
};
std::uint64_t count_one() { return ++shard::current().local<executed>().count; }

/// A while now and then, so that everybody sleeps when a message comes.
task<> send_some(std::uint64_t& answered, std::size_t& ended) {
  shard& here = shard::current();
  for (int i = 0; i < messages_each; ++i) {
    const auto to = static_cast<shard_id>((here.id() + 1 + here.random().below(shards - 1)) % shards);
    const auto place = co_await shoal::submit_to(to, &count_one);
    answered += place != 0 ? 1 : 0;
    if (here.random().below(3) != 0) continue;
    const auto pause = static_cast<duration::rep>(here.random().below(300'000));
    co_await shoal::sleep_for(duration{pause});
  }
  ++ended;
}

shoal::runtime_options quiet(shoal::log_collector& lines) {
  shoal::runtime_options options;
  options.shards.shards = shards;
  options.shards.memory_per_shard = std::size_t{8} << 20U;
  options.log.collector = &lines;
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sleep_protocol_in_simulation)

BOOST_AUTO_TEST_CASE(no_wake_up_is_lost) {
  for_each_seed(100, [](std::uint64_t seed) {
    world w{seed, shoal::sim::worst_network()};
    shoal::log_collector lines;
    runtime r{quiet(lines), w.add_host("10.0.0.1")};
    BOOST_REQUIRE(r.start().has_value());
    std::uint64_t answered = 0;
    std::size_t ended = 0;
    for (shard_id id = 0; id < shards; ++id) {
      static_cast<void>(
          r.post(id, [&] { shard::current().local<background>().tasks.spawn(send_some(answered, ended)); }));
    }
    BOOST_TEST(w.run_until([&] { return ended == shards; }, 1h));
    BOOST_TEST(answered == shards * messages_each);
    r.stop();
    r.wait();
    std::uint64_t received = 0;
    std::uint64_t wakes = 0;
    for (const auto& report : r.reports()) {
      received += report.mail.received;
      wakes += report.mail.wakes;
    }
    BOOST_TEST(received == shards * messages_each);
    BOOST_TEST(wakes > shards * messages_each / 10);  // they did sleep
    BOOST_TEST(w.faults().late_wakes > 0U);
    BOOST_TEST(w.faults().late_messages > 0U);
  });
}

BOOST_AUTO_TEST_CASE(a_post_wakes_whoever_sleeps_for_ever) {
  for_each_seed(50, [](std::uint64_t seed) {
    world w{seed, shoal::sim::worst_network()};
    shoal::log_collector lines;
    runtime r{quiet(lines), w.add_host("10.0.0.1")};
    BOOST_REQUIRE(r.start().has_value());
    w.run_for(1h);
    BOOST_TEST(w.is_still());  // nobody has a timer or a deadline
    for (shard_id id = 0; id < shards; ++id) {
      bool ran = false;
      static_cast<void>(r.post(id, [&] { ran = true; }));
      BOOST_TEST(w.run_until([&] { return ran; }, 1s));
      w.run_for(1min);
    }
    r.stop();
    r.wait();
  });
}

BOOST_AUTO_TEST_SUITE_END()
