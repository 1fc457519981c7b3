// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/when_all.hpp>

#include <shoal/core/sleep.hpp>
#include <tests/core/allocations.hpp>
#include <tests/core/counted.hpp>
#include <tests/core/small_stack.hpp>
#include <tests/core/sync_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

using shoal::task;
using shoal::when_all;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

task<int> number_after(int value, shoal::duration length, numbers& log) {
  co_await shoal::sleep_for(length);
  log.push_back(value);
  co_return value;
}

task<std::unique_ptr<std::string>> text(std::string what) {
  co_await shoal::yield();
  co_return std::make_unique<std::string>(std::move(what));
}

task<> log_only(numbers& log, int value) {
  log.push_back(value);
  co_await shoal::yield();
  log.push_back(-value);
}

task<int> ready(int value) { co_return value; }

task<int> failing(const char* why, shoal::duration length) {
  co_await shoal::sleep_for(length);
  throw std::runtime_error(why);
}

task<int> failing_or_ready(bool fails) {
  if (fails) throw std::runtime_error("at once");
  co_return 0;
}

task<counted> keeping(counted argument) {
  co_await shoal::yield();
  co_return counted{argument.value() + 1};
}

task<std::string> three_kinds(numbers& log) {
  auto [number, words, nothing] = co_await when_all(
      number_after(1, 20ms, log), text("a text that is longer than any small string"), log_only(log, 2));
  static_assert(std::is_same_v<decltype(nothing), std::monostate>);
  co_return std::to_string(number) + *words;
}

task<numbers> a_vector(numbers& log) {
  std::vector<task<int>> children;
  for (const int i : {3, 1, 2}) children.push_back(number_after(i, 10ms * i, log));
  co_return co_await when_all(std::move(children));
}

task<> a_vector_of_nothing(numbers& log, int count) {
  std::vector<task<>> children;
  for (int i = 1; i <= count; ++i) children.push_back(log_only(log, i));
  co_await when_all(std::move(children));
}

task<std::string> two_fail(numbers& log) {
  try {
    static_cast<void>(co_await when_all(number_after(1, 30ms, log), failing("second in order", 20ms),
                                        failing("first in time", 10ms)));
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "no exception";
}

task<int> counted_values(bool fails) {
  auto [first, second, third] = co_await when_all(keeping(counted(1)), keeping(counted(2)), failing_or_ready(fails));
  co_return first.value() + second.value() + third;
}

task<> two_of_nothing(numbers& log) {
  co_await when_all(log_only(log, 1), log_only(log, 2));
  log.push_back(0);
}

task<int> all_ready(int times) {
  int sum = 0;
  for (int i = 0; i < times; ++i) {
    const auto [a, b] = co_await when_all(ready(1), ready(2));
    sum += a + b;
  }
  co_return sum;
}

task<int> nested(int depth) {
  if (depth == 0) {
    co_await shoal::yield();
    co_return 1;
  }
  const auto [a, b] = co_await when_all(nested(depth - 1), ready(1));
  co_return a + b;
}

task<int> wide(int count) {
  std::vector<task<int>> children;
  for (int i = 0; i < count; ++i) children.push_back(ready(1));
  const auto all = co_await when_all(std::move(children));
  int sum = 0;
  for (const int one : all) sum += one;
  co_return sum;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(when_all_suite)

BOOST_AUTO_TEST_CASE(values_come_in_the_order_of_the_tasks) {
  solo_shard here;
  numbers log;
  BOOST_TEST(here.run(three_kinds(log)) == "1a text that is longer than any small string");
  BOOST_TEST((log == numbers{2, -2, 1}));
  log.clear();
  BOOST_TEST((here.run(a_vector(log)) == numbers{3, 1, 2}));
  BOOST_TEST((log == numbers{1, 2, 3}));  // side by side
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(tasks_start_in_order_when_it_is_awaited) {
  solo_shard here;
  numbers log;
  auto both = when_all(log_only(log, 1), log_only(log, 2));
  BOOST_TEST(log.empty());
  here.run(std::move(both));
  BOOST_TEST((log == numbers{1, 2, -1, -2}));
  log.clear();
  here.run(two_of_nothing(log));
  BOOST_TEST((log == numbers{1, 2, -1, -2, 0}));
  log.clear();
  here.run(a_vector_of_nothing(log, 3));
  BOOST_TEST((log == numbers{1, 2, 3, -1, -2, -3}));
  here.run(a_vector_of_nothing(log, 0));
}

BOOST_AUTO_TEST_CASE(the_first_exception_in_order_comes_after_all_have_ended) {
  solo_shard here;
  numbers log;
  BOOST_TEST(here.run(two_fail(log)) == "second in order");
  BOOST_TEST((log == numbers{1}));
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(everything_is_destroyed_once) {
  const int mistakes = counted::mistakes();
  solo_shard here;
  BOOST_TEST(here.run(counted_values(false)) == 5);
  BOOST_CHECK_THROW(here.run(counted_values(true)), std::runtime_error);
  {
    const auto never_started = when_all(keeping(counted{1}), keeping(counted{2}));
    BOOST_TEST(counted::alive() == 2U);
  }
  BOOST_TEST(counted::alive() == 0U);
  BOOST_TEST(counted::mistakes() == mistakes);
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(ready_tasks_and_deep_nesting_fit_a_small_stack) {
  on_stack_of(small_stack, [] {
    solo_shard here;
    const auto before = allocations();
    const auto sum = here.run(all_ready(1'000'000));
    BOOST_TEST(allocations() == before);
    BOOST_TEST(sum == 3'000'000);
    BOOST_TEST(here->counters().tasks == 0U);
    BOOST_TEST(here.run(nested(20'000)) == 20'001);
    BOOST_TEST(here.run(wide(10'000)) == 10'000);
    BOOST_TEST(here.nodes() == 0U);
  });
}

BOOST_AUTO_TEST_SUITE_END()
