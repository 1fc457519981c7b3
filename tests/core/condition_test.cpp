// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/condition.hpp>

#include <shoal/core/sleep.hpp>
#include <tests/core/allocations.hpp>
#include <tests/core/death.hpp>
#include <tests/core/small_stack.hpp>
#include <tests/core/sync_rig.hpp>

#include <deque>
#include <optional>
#include <stdexcept>
#include <string>

using shoal::condition;
using shoal::errc;
using shoal::scope;
using shoal::task;
using namespace shoal::test;

namespace {

task<> wait_for(condition& changed, const int& value, int wanted, numbers& log, int number) {
  const auto is_there = [&value, wanted] { return value >= wanted; };
  co_await changed.wait(is_there);
  log.push_back(number);
}

task<> wait_until(condition& changed, const bool& flag, std::stop_token stop, numbers& log, int number) {
  const auto is_set = [&flag] { return flag; };
  const auto met = co_await changed.wait(is_set, stop);
  if (!met) BOOST_TEST((met.error() == errc::cancelled));
  log.push_back(met ? number : -number);
}

/// One notification, whatever has changed.
task<> wait_once(condition& changed, numbers& log, int number) {
  bool asked = false;
  const auto second_time = [&asked] { return std::exchange(asked, true); };
  co_await changed.wait(second_time);
  log.push_back(number);
}

loose wait_loosely(condition& changed, numbers& log, int number) {
  bool asked = false;
  const auto second_time = [&asked] { return std::exchange(asked, true); };
  co_await changed.wait(second_time);
  log.push_back(number);
}

task<std::string> failing(condition& changed, const bool& fails) {
  const auto look = [&fails]() -> bool {
    if (fails) throw std::runtime_error("a predicate");
    return false;
  };
  try {
    co_await changed.wait(look);
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "no exception";
}

task<> keep(task<std::string> work, std::string& text) { text = co_await work; }

task<> often(condition& changed, int times) {
  const auto yes = [] { return true; };
  for (int i = 0; i < times; ++i) co_await changed.wait(yes);
}

task<> play(condition& changed, int& ball, int mine, int times) {
  const auto my_turn = [&ball, mine] { return ball % 2 == mine; };
  for (int i = 0; i < times; ++i) {
    co_await changed.wait(my_turn);
    ++ball;
    changed.notify_one();
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(condition_suite)

BOOST_AUTO_TEST_CASE(waits_until_the_predicate_is_true) {
  solo_shard here;
  condition changed;
  numbers log;
  int value = 0;
  scope crew{no_failure};
  crew.spawn(wait_for(changed, value, 0, log, 1));
  BOOST_TEST((log == numbers{1}));  // true from the start
  crew.spawn(wait_for(changed, value, 2, log, 2));
  changed.notify_all();
  run_ready(here);
  value = 2;
  run_ready(here);
  BOOST_TEST((log == numbers{1}));  // nobody has said so
  changed.notify_one();
  BOOST_TEST((log == numbers{1}));  // not inside the call
  run_ready(here);
  BOOST_TEST((log == numbers{1, 2}));
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(the_predicate_is_looked_at_right_before_going_on) {
  solo_shard here;
  condition changed;
  numbers log;
  int value = 0;
  scope crew{no_failure};
  crew.spawn(wait_for(changed, value, 1, log, 1));
  value = 1;
  changed.notify_one();
  value = 0;  // no longer, when its turn comes
  run_ready(here);
  BOOST_TEST(log.empty());
  value = 1;
  changed.notify_one();
  run_ready(here);
  BOOST_TEST((log == numbers{1}));
}

BOOST_AUTO_TEST_CASE(one_or_all_first_come_first_served) {
  solo_shard here;
  condition changed;
  numbers log;
  scope crew{no_failure};
  changed.notify_one();  // nobody waits: forgotten
  for (int i = 1; i <= 5; ++i) crew.spawn(wait_once(changed, log, i));
  changed.notify_one();
  changed.notify_one();
  run_ready(here);
  BOOST_TEST((log == numbers{1, 2}));
  changed.notify_all();
  run_ready(here);
  BOOST_TEST((log == numbers{1, 2, 3, 4, 5}));
}

BOOST_AUTO_TEST_CASE(who_finds_his_predicate_false_goes_to_the_end_of_the_line) {
  solo_shard here;
  condition changed;
  numbers log;
  int value = 0;
  scope crew{no_failure};
  crew.spawn(wait_for(changed, value, 2, log, 1));
  crew.spawn(wait_for(changed, value, 1, log, 2));
  changed.notify_one();  // used up by the first
  run_ready(here);
  value = 2;
  changed.notify_one();
  run_ready(here);
  BOOST_TEST((log == numbers{2}));
  changed.notify_one();
  run_ready(here);
  BOOST_TEST((log == numbers{2, 1}));
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_wait) {
  solo_shard here;
  condition changed;
  numbers log;
  bool flag = false;
  std::stop_source stop;
  std::stop_source other;
  scope crew{no_failure};
  crew.spawn(wait_until(changed, flag, stop.get_token(), log, 1));
  crew.spawn(wait_until(changed, flag, {}, log, 2));
  crew.spawn(wait_until(changed, flag, other.get_token(), log, 3));
  stop.request_stop();
  run_ready(here);
  BOOST_TEST((log == numbers{-1}));
  // Notified, and stopped before its turn: it does not wait again.
  changed.notify_all();
  other.request_stop();
  run_ready(here);
  BOOST_TEST((log == numbers{-1, -3}));
  flag = true;
  crew.spawn(wait_until(changed, flag, stop.get_token(), log, 4));
  BOOST_TEST((log == numbers{-1, -3, -4}));
  changed.notify_all();
  run_ready(here);
  BOOST_TEST((log == numbers{-1, -3, -4, 2}));
}

BOOST_AUTO_TEST_CASE(what_a_predicate_throws_arrives_where_it_is_awaited) {
  solo_shard here;
  condition changed;
  bool fails = true;
  BOOST_TEST(here.run(failing(changed, fails)) == "a predicate");
  fails = false;
  std::string text;
  scope crew{no_failure};
  crew.spawn(keep(failing(changed, fails), text));
  fails = true;
  changed.notify_one();
  run_ready(here);
  BOOST_TEST(text == "a predicate");
}

BOOST_AUTO_TEST_CASE(a_frame_that_goes_hands_its_notification_on) {
  solo_shard here;
  condition changed;
  numbers log;
  auto first = wait_loosely(changed, log, 1);
  auto second = wait_loosely(changed, log, 2);
  auto third = wait_loosely(changed, log, 3);
  first.destroy();  // in line
  changed.notify_one();
  second.destroy();  // in the run queue
  run_ready(here);
  BOOST_TEST((log == numbers{3}));
}

BOOST_AUTO_TEST_CASE(going_while_somebody_waits_ends_the_program) {
  BOOST_TEST(aborts([] {
    const solo_shard here;
    std::optional<condition> changed{std::in_place};
    numbers log;
    auto waits = wait_loosely(*changed, log, 1);
    changed.reset();
  }));
}

BOOST_AUTO_TEST_CASE(ten_million_ready_awaits_and_a_million_waits_fit_a_small_stack_and_allocate_nothing) {
  on_stack_of(small_stack, [] {
    solo_shard here;
    condition changed;
    int ball = 0;
    const auto before = allocations();
    here.run(often(changed, 10'000'000));
    BOOST_TEST(allocations() == before);
    BOOST_TEST(here->counters().tasks == 0U);
    scope crew{no_failure};
    crew.spawn(play(changed, ball, 1, 500'000));
    crew.spawn(play(changed, ball, 0, 500'000));
    const auto playing = allocations();
    run_ready(here);
    BOOST_TEST(allocations() == playing);
    BOOST_TEST(ball == 1'000'000);
  });
}

BOOST_AUTO_TEST_SUITE_END()
