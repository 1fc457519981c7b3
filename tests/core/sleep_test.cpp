// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sleep.hpp>

#include <shoal/core/scope.hpp>
#include <tests/core/sync_rig.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using shoal::duration;
using shoal::instant;
using shoal::sleep_until;
using shoal::task;
using shoal::test::loose;
using shoal::test::no_failure;
using shoal::test::run_ready;
using shoal::test::solo_shard;
using namespace std::chrono_literals;

namespace {

struct wake_up {
  instant asked;
  instant at;
};

task<> sleeper(std::vector<wake_up>& log, instant until) {
  co_await shoal::sleep_until(until);
  log.push_back({until, shoal::shard::current().now()});
}

task<> sleepers(std::vector<wake_up>& log, const std::vector<instant>& deadlines) {
  shoal::scope children{no_failure};
  for (const instant deadline : deadlines) children.spawn(sleeper(log, deadline));
  co_await children.join();
}

task<duration> slept(duration length) {
  const instant before = shoal::shard::current().now();
  co_await shoal::sleep_for(length);
  co_return shoal::shard::current().now() - before;
}

task<duration> long_sleep(sleep_until*& pending) {
  const instant before = shoal::shard::current().now();
  sleep_until waiting{before + 1h};
  pending = &waiting;
  co_await waiting;
  co_return shoal::shard::current().now() - before;
}

struct stopped_sleep {
  bool stopped = false;
  duration took{};
};

task<> sleep_or_stop(duration length, std::stop_token stop, std::vector<stopped_sleep>& log) {
  const instant before = shoal::shard::current().now();
  const auto slept = co_await shoal::sleep_for(length, stop);
  if (!slept) BOOST_TEST((slept.error() == shoal::errc::cancelled));
  log.push_back({!slept.has_value(), shoal::shard::current().now() - before});
}

loose sleep_loosely(duration length, std::stop_token stop, int& woken) {
  static_cast<void>(co_await shoal::sleep_for(length, stop));
  ++woken;
}

task<> speak(std::string& log, char letter, int times) {
  for (int i = 0; i < times; ++i) {
    log.push_back(letter);
    co_await shoal::yield();
  }
}

task<> talk(std::string& log) {
  shoal::scope children{no_failure};
  for (const char letter : {'a', 'b', 'c'}) children.spawn(speak(log, letter, 3));
  co_await children.join();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sleep_suite)

BOOST_AUTO_TEST_CASE(never_early_and_at_most_a_tick_late) {
  solo_shard here;
  for (const duration length : {1ns, 65'535ns, 65'536ns, 65'537ns, duration{1ms}, duration{1h}, duration{10000h}}) {
    const duration took = here.run(slept(length));
    BOOST_TEST(took.count() >= length.count());
    BOOST_TEST(took.count() <= (length + shoal::timer_wheel::resolution).count());
  }
}

BOOST_AUTO_TEST_CASE(a_time_that_has_passed_does_not_suspend) {
  solo_shard here;
  BOOST_TEST(here.run(slept(0ns)).count() == 0);
  BOOST_TEST(here.run(slept(-5s)).count() == 0);
  BOOST_TEST(here->counters().turns == 0U);
}

BOOST_AUTO_TEST_CASE(sleepers_wake_in_the_order_of_their_deadlines) {
  solo_shard here;
  std::mt19937_64 random{shoal::test::seed()};
  std::uniform_int_distribution<std::int64_t> lengths{1, duration{1min}.count()};
  std::vector<instant> deadlines;
  for (int i = 0; i < 3'000; ++i) deadlines.push_back(here->now() + duration{lengths(random)});
  std::vector<wake_up> log;
  here.run(sleepers(log, deadlines));
  BOOST_REQUIRE(log.size() == deadlines.size());
  const auto tick = [](instant when) { return (when.time_since_epoch().count() + 65'535) >> 16; };
  BOOST_TEST(std::ranges::is_sorted(log, {}, [&](const wake_up& w) { return tick(w.asked); }));
  BOOST_TEST(std::ranges::all_of(log, [](const wake_up& w) { return w.at >= w.asked; }));
  BOOST_TEST(here.comes_to_rest());
}

BOOST_AUTO_TEST_CASE(yield_lets_everything_that_is_ready_run_first) {
  solo_shard here;
  std::string log;
  here.run(talk(log));
  BOOST_TEST(log == "abcabcabc");
}

BOOST_AUTO_TEST_CASE(a_sleep_can_be_ended_early) {
  solo_shard here;
  sleep_until* pending = nullptr;
  auto work = long_sleep(pending);
  shoal::test::end_note end;
  BOOST_TEST(!work.start(end));
  here->turn(false);
  BOOST_TEST(end.count == 0);
  pending->end_early();
  BOOST_TEST(end.count == 0);  // not inside the call
  here.turn();
  BOOST_TEST(end.count == 1);
  BOOST_TEST((work.take() < 1h));
}

BOOST_AUTO_TEST_CASE(a_sleep_beyond_the_end_of_time_is_for_ever) {
  solo_shard here;
  // By hand, since nothing could end a task that waits for it.
  auto forever = shoal::sleep_for(duration::max());
  BOOST_TEST(!forever.await_ready());
  const auto armed = here->timers().size();
  forever.await_suspend(std::noop_coroutine());
  BOOST_TEST(here->timers().size() == armed);
}

BOOST_AUTO_TEST_CASE(a_stop_ends_a_sleep) {
  solo_shard here;
  std::vector<stopped_sleep> log;
  std::stop_source stop;
  shoal::scope crew{no_failure};
  crew.spawn(sleep_or_stop(10ms, stop.get_token(), log));
  crew.spawn(sleep_or_stop(1h, stop.get_token(), log));
  crew.spawn(sleep_or_stop(20ms, {}, log));
  while (log.empty()) here.turn();
  BOOST_TEST(!log[0].stopped);
  BOOST_TEST((log[0].took >= 10ms));
  stop.request_stop();
  BOOST_TEST(log.size() == 1U);  // not inside the call
  run_ready(here);
  BOOST_REQUIRE(log.size() == 2U);
  BOOST_TEST(log[1].stopped);
  BOOST_TEST((log[1].took < 20ms));
  crew.spawn(sleep_or_stop(1ms, stop.get_token(), log));
  BOOST_REQUIRE(log.size() == 3U);  // at once
  BOOST_TEST(log[2].stopped);
  while (crew.running() != 0) here.turn();
  BOOST_TEST(!log[3].stopped);
  BOOST_TEST(here.comes_to_rest());
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_frame_that_sleeps_may_go) {
  solo_shard here;
  int woken = 0;
  std::stop_source stop;
  auto first = sleep_loosely(1ms, stop.get_token(), woken);
  auto second = sleep_loosely(1ms, stop.get_token(), woken);
  first.destroy();
  stop.request_stop();
  second.destroy();  // in the run queue
  run_ready(here);
  BOOST_TEST(here.comes_to_rest());
  BOOST_TEST(woken == 0);
}

BOOST_AUTO_TEST_SUITE_END()
