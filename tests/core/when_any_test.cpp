// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/when_any.hpp>

#include <shoal/core/channel.hpp>
#include <shoal/core/linked_stop.hpp>
#include <shoal/core/sleep.hpp>
#include <tests/core/allocations.hpp>
#include <tests/core/counted.hpp>
#include <tests/core/small_stack.hpp>
#include <tests/core/sync_rig.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <deque>
#include <random>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

using shoal::channel;
using shoal::task;
using shoal::when_any;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

/// Logs its number when it ended by itself, the negative when it was stopped.
task<int> number_after(int value, shoal::duration length, std::stop_token stop, numbers& log) {
  const auto slept = co_await shoal::sleep_for(length, stop);
  log.push_back(slept ? value : -value);
  co_return value;
}

task<std::string> text_after(std::string what, shoal::duration length, std::stop_token stop) {
  const auto slept = co_await shoal::sleep_for(length, stop);
  co_return slept ? what : "stopped";
}

task<> nothing_after(shoal::duration length, std::stop_token stop) {
  static_cast<void>(co_await shoal::sleep_for(length, stop));
}

/// Takes its time to stop.
task<int> slow_to_stop(std::stop_token stop, numbers& log) {
  static_cast<void>(co_await shoal::sleep_for(1h, stop));
  co_await shoal::sleep_for(50ms);
  log.push_back(-9);
  co_return 9;
}

task<int> fails_after(shoal::duration length, std::stop_token stop, bool even_when_stopped) {
  const auto slept = co_await shoal::sleep_for(length, stop);
  if (slept || even_when_stopped) throw std::runtime_error("a failure");
  co_return 0;
}

task<counted> keeping(counted argument, shoal::duration length, std::stop_token stop) {
  static_cast<void>(co_await shoal::sleep_for(length, stop));
  co_return counted{argument.value() + 1};
}

task<int> ready(int value) { co_return value; }

task<std::string> of_three(shoal::duration a, shoal::duration b, shoal::duration c, numbers& log) {
  std::stop_source stop;
  const auto token = stop.get_token();
  auto first =
      co_await when_any(stop, number_after(1, a, token, log), text_after("text", b, token), nothing_after(c, token));
  BOOST_TEST(stop.stop_requested());
  if (first.index() == 0) co_return "number " + std::to_string(std::get<0>(first));
  if (first.index() == 1) co_return std::get<1>(first);
  co_return "nothing";
}

task<std::size_t> of_a_vector(numbers lengths, numbers& log) {
  std::stop_source stop;
  std::vector<task<int>> children;
  for (const int length : lengths) children.push_back(number_after(length, 1ms * length, stop.get_token(), log));
  const auto first = co_await when_any(stop, std::move(children));
  BOOST_TEST(first.value == lengths[first.index]);
  co_return first.index;
}

task<shoal::duration> waits_for_the_slow(numbers& log) {
  std::stop_source stop;
  const auto before = shoal::shard::current().now();
  const auto token = stop.get_token();
  const auto first = co_await when_any(stop, slow_to_stop(token, log), number_after(1, 10ms, token, log));
  BOOST_TEST(first.index() == 1U);
  co_return shoal::shard::current().now() - before;
}

task<std::string> one_fails(bool loser, numbers& log) {
  std::stop_source stop;
  const auto token = stop.get_token();
  try {
    const auto length = loser ? shoal::duration{1h} : shoal::duration{5ms};
    const auto first = co_await when_any(stop, number_after(1, 10ms, token, log), fails_after(length, token, loser));
    co_return "won by " + std::to_string(first.index());
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
}

task<std::size_t> ready_first(numbers& log) {
  std::stop_source stop;
  const auto token = stop.get_token();
  const auto first =
      co_await when_any(stop, number_after(1, 10ms, token, log), ready(2), number_after(3, 0ns, token, log));
  co_return first.index();
}

task<int> counted_values() {
  std::stop_source stop;
  const auto token = stop.get_token();
  auto first = co_await when_any(stop, keeping(counted(1), 2ms, token), keeping(counted(2), 1ms, token),
                                 keeping(counted(3), 3ms, token));
  co_return std::get<1>(first).value();
}

/// Stopped by its own caller: it hands that on.
task<> stopped_from_outside(std::stop_token outer, numbers& log) {
  shoal::linked_stop stop{outer};
  const auto token = stop.token();
  static_cast<void>(co_await when_any(stop.source(), number_after(1, 1h, token, log), number_after(2, 2h, token, log)));
  log.push_back(0);
}

task<int> all_ready(std::stop_source& stop, int times) {
  int sum = 0;
  for (int i = 0; i < times; ++i) {
    const auto first = co_await when_any(stop, ready(1), ready(2));
    sum += std::get<0>(first);
  }
  co_return sum;
}

task<int> from(channel<int>& source, std::stop_token stop) {
  const auto value = co_await source.pop(stop);
  co_return value ? *value : -1;
}

task<> feed(channel<int>& into, shoal::duration after) {
  co_await shoal::sleep_for(after);
  static_cast<void>(into.try_push(1));
}

task<int> of_channels(std::deque<channel<int>>& sources) {
  std::stop_source stop;
  std::vector<task<int>> children;
  for (auto& source : sources) children.push_back(from(source, stop.get_token()));
  const auto first = co_await when_any(stop, std::move(children));
  BOOST_TEST(first.value == 1);
  co_return static_cast<int>(first.index);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(when_any_suite)

BOOST_AUTO_TEST_CASE(the_first_to_end_wins_and_the_others_are_stopped) {
  solo_shard here;
  numbers log;
  BOOST_TEST(here.run(of_three(1ms, 2ms, 3ms, log)) == "number 1");
  BOOST_TEST(here.run(of_three(2ms, 1ms, 3ms, log)) == "text");
  BOOST_TEST(here.run(of_three(2ms, 3ms, 1ms, log)) == "nothing");
  BOOST_TEST((log == numbers{1, -1, -1}));
  log.clear();
  BOOST_TEST(here.run(of_a_vector({30, 10, 20}, log)) == 1U);
  BOOST_TEST(log.front() == 10);
  std::ranges::sort(log);
  BOOST_TEST((log == numbers{-30, -20, 10}));
  BOOST_TEST(here.nodes() == 0U);
  BOOST_TEST(here.comes_to_rest());
}

BOOST_AUTO_TEST_CASE(the_others_are_awaited_however_long_they_take) {
  solo_shard here;
  numbers log;
  BOOST_TEST((here.run(waits_for_the_slow(log)) >= 60ms));
  BOOST_TEST((log == numbers{1, -9}));
}

BOOST_AUTO_TEST_CASE(an_exception_wins_when_it_is_first_and_is_dropped_when_not) {
  solo_shard here;
  numbers log;
  BOOST_TEST(here.run(one_fails(false, log)) == "a failure");
  BOOST_TEST((log == numbers{-1}));  // awaited before it was thrown
  BOOST_TEST(here.run(one_fails(true, log)) == "won by 0");
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(behind_a_task_that_is_ready_nothing_starts) {
  solo_shard here;
  numbers log;
  BOOST_TEST(here.run(ready_first(log)) == 1U);
  BOOST_TEST((log == numbers{-1}));
}

BOOST_AUTO_TEST_CASE(everything_is_destroyed_once) {
  const int mistakes = counted::mistakes();
  solo_shard here;
  BOOST_TEST(here.run(counted_values()) == 3);
  BOOST_TEST(counted::alive() == 0U);
  BOOST_TEST(counted::mistakes() == mistakes);
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stop_from_outside_reaches_all) {
  solo_shard here;
  numbers log;
  std::stop_source outer;
  shoal::scope crew{no_failure};
  crew.spawn(stopped_from_outside(outer.get_token(), log));
  run_ready(here);
  BOOST_TEST(log.empty());
  outer.request_stop();
  run_ready(here);
  std::ranges::sort(log);
  BOOST_TEST((log == numbers{-2, -1, 0}));
}

BOOST_AUTO_TEST_CASE(ready_tasks_fit_a_small_stack_and_allocate_nothing) {
  on_stack_of(small_stack, [] {
    solo_shard here;
    std::stop_source stop;
    const auto before = allocations();
    const auto sum = here.run(all_ready(stop, 1'000'000));
    BOOST_TEST(allocations() == before);
    BOOST_TEST(sum == 1'000'000);
    BOOST_TEST(here->counters().tasks == 0U);
  });
}

BOOST_AUTO_TEST_CASE(what_comes_after_the_first_stays_in_its_channel) {
  for (std::uint64_t round = 0; round < seed_count(50); ++round) {
    std::mt19937_64 random{seed() + round};
    const auto pick = [&random](int from, int to) { return std::uniform_int_distribution<int>{from, to}(random); };
    solo_shard here;
    std::deque<channel<int>> sources;
    shoal::scope crew{no_failure};
    const int count = pick(1, 8);
    int first = count;
    for (int i = 0, earliest = 1'000; i < count; ++i) {
      const int when = 10 * pick(1, 5) + i;  // no two at once
      if (when < earliest) {
        earliest = when;
        first = i;
      }
      crew.spawn(feed(sources.emplace_back(1), 1ms * when));
    }
    const int winner = here.run(of_channels(sources));
    while (crew.running() != 0) here.turn();
    BOOST_TEST(winner == first);
    for (int i = 0; i < count; ++i) BOOST_TEST(sources[static_cast<std::size_t>(i)].size() == (i == winner ? 0U : 1U));
    BOOST_TEST(here.nodes() == 0U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
