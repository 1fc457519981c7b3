// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/scope.hpp>

#include <shoal/core/sleep.hpp>
#include <tests/core/counted.hpp>
#include <tests/core/death.hpp>
#include <tests/core/solo_shard.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

using shoal::scope;
using shoal::task;
using shoal::test::counted;
using shoal::test::solo_shard;
using namespace std::chrono_literals;

namespace {

std::vector<std::string>& failures() {
  static std::vector<std::string> texts;
  return texts;
}

void note_failure(const std::exception_ptr& failure) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    failures().emplace_back(error.what());
  }
}

using numbers = std::vector<int>;

task<> log_after(numbers& log, int number, shoal::duration wait) {
  co_await shoal::sleep_for(wait);
  log.push_back(number);
}

task<> at_once(numbers& log, int number) {
  log.push_back(number);
  co_return;
}

task<> fail_after(shoal::duration wait) {
  co_await shoal::sleep_for(wait);
  throw std::runtime_error("a child failed");
}

task<> three_children(numbers& log) {
  scope children{note_failure};
  children.spawn(log_after(log, 3, 30ms));
  children.spawn(log_after(log, 1, 10ms));
  children.spawn(log_after(log, 2, 20ms));
  log.push_back(static_cast<int>(children.running()));
  co_await children.join();
  log.push_back(static_cast<int>(children.running()));
}

task<> finished_children(numbers& log) {
  scope children{note_failure};
  co_await children.join();
  children.spawn(at_once(log, 1));
  children.spawn(at_once(log, 2));
  co_await children.join();
  log.push_back(3);
}

task<> one_fails(numbers& log) {
  scope children{note_failure};
  children.spawn(fail_after(10ms));
  children.spawn(log_after(log, 1, 20ms));
  co_await children.join();
  log.push_back(2);
}

/// Its argument's destructor writes to what the parent owns: after join() that may be gone.
struct writes_at_the_end {
  explicit writes_at_the_end(numbers& target) : log(&target) {}
  writes_at_the_end(writes_at_the_end&& other) noexcept : log(std::exchange(other.log, nullptr)) {}
  writes_at_the_end& operator=(writes_at_the_end&&) = delete;
  ~writes_at_the_end() {
    if (log != nullptr) log->push_back(1);
  }
  numbers* log;
};

task<> holds(writes_at_the_end held) {
  co_await shoal::yield();
  static_cast<void>(held);
}

task<numbers> joined() {
  numbers mine;
  scope children{note_failure};
  children.spawn(holds(writes_at_the_end(mine)));
  co_await children.join();
  mine.push_back(2);
  co_return mine;
}

task<> until_stopped(numbers& log, int number, std::stop_token stop) {
  const auto slept = co_await shoal::sleep_for(1h, stop);
  log.push_back(slept ? number : -number);
}

task<> stopped_children(numbers& log) {
  scope children{note_failure};
  children.spawn(until_stopped(log, 1, children.stop_token()));
  children.spawn(log_after(log, 2, 30ms));  // was not given the token
  children.spawn(until_stopped(log, 3, children.stop_token()));
  co_await shoal::sleep_for(10ms);
  children.request_stop();
  children.spawn(until_stopped(log, 4, children.stop_token()));
  log.push_back(static_cast<int>(children.running()));
  co_await children.join();
  log.push_back(0);
}

task<> many(int count, int& ran) {
  scope children{note_failure};
  for (int i = 0; i < count; ++i) {
    children.spawn([](int number, int& done) -> task<> {
      if (number % 2 == 0) co_await shoal::sleep_for(std::chrono::milliseconds{number % 7});
      ++done;
    }(i, ran));
  }
  co_await children.join();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scope_suite)

BOOST_AUTO_TEST_CASE(join_waits_for_every_child) {
  solo_shard here;
  numbers log;
  here.run(three_children(log));
  BOOST_TEST((log == numbers{3, 1, 2, 3, 0}));
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(join_is_ready_when_nothing_runs) {
  solo_shard here;
  numbers log;
  here.run(finished_children(log));
  BOOST_TEST((log == numbers{1, 2, 3}));
  BOOST_TEST(here->counters().tasks == 0U);
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_child_that_throws_is_reported_and_ends_alone) {
  solo_shard here;
  numbers log;
  failures().clear();
  here.run(one_fails(log));
  BOOST_TEST((log == numbers{1, 2}));
  BOOST_TEST((failures() == std::vector<std::string>{"a child failed"}));
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(after_join_nothing_of_a_child_is_left) {
  solo_shard here;
  BOOST_TEST((here.run(joined()) == numbers{1, 2}));
}

BOOST_AUTO_TEST_CASE(a_stop_asks_the_children_and_join_waits_until_they_have_ended) {
  solo_shard here;
  numbers log;
  here.run(stopped_children(log));
  // The fourth, started after the stop, ends at once; the first and the third from the run queue; the second, which
  // has no token, when its time comes.
  BOOST_REQUIRE(log.size() == 6U);
  BOOST_TEST((numbers(log.begin(), log.begin() + 2) == numbers{-4, 3}));
  BOOST_TEST(log[2] + log[3] == -4);
  BOOST_TEST((numbers(log.begin() + 4, log.end()) == numbers{2, 0}));
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stop_before_anybody_asked_for_the_token_counts) {
  solo_shard here;
  scope children{note_failure};
  BOOST_TEST(!children.stop_token().stop_requested());
  scope others{note_failure};
  others.request_stop();
  BOOST_TEST(others.stop_token().stop_requested());
}

BOOST_AUTO_TEST_CASE(ten_thousand_children_leave_nothing_behind) {
  solo_shard here;
  int ran = 0;
  here.run(many(10'000, ran));
  BOOST_TEST(ran == 10'000);
  BOOST_TEST(here.nodes() == 0U);
  BOOST_TEST(here.comes_to_rest());
}

BOOST_AUTO_TEST_CASE(destroying_a_scope_with_children_ends_the_program) {
  BOOST_TEST(shoal::test::aborts([] {
    const solo_shard here;
    numbers log;
    scope children{note_failure};
    children.spawn(log_after(log, 1, 1s));
  }));
}

BOOST_AUTO_TEST_SUITE_END()
