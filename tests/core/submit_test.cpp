// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/submit.hpp>

#include <shoal/core/scope.hpp>
#include <shoal/core/sleep.hpp>
#include <tests/core/counted.hpp>
#include <tests/core/stepped_shards.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using shoal::scope;
using shoal::shard;
using shoal::shard_id;
using shoal::submit_to;
using shoal::task;
using shoal::test::counted;
using shoal::test::stepped_shards;
using namespace std::chrono_literals;

namespace {

void no_failure(const std::exception_ptr&) noexcept { BOOST_ERROR("a child failed"); }

// What is sent. Functions, not lambdas, as an application would write them.
shard_id where() { return shard::current().id(); }
int add(int a, int b) { return a + b; }
void push(std::vector<shard_id>* log) { log->push_back(where()); }
std::unique_ptr<std::string> longer(std::unique_ptr<std::string> text) {
  *text += " and back";
  return text;
}
int failing(int) { throw std::runtime_error("from shard " + std::to_string(where())); }
std::error_code refused() { return shoal::errc::stopped; }

task<int> twice_later(int value) {
  co_await shoal::sleep_for(1ms);
  co_return 2 * value + (where() == 1 ? 0 : 1'000);
}
task<int> failing_later(int) {
  co_await shoal::yield();
  throw std::runtime_error("later, from shard " + std::to_string(where()));
}
task<int> failing_at_once(int) { throw std::runtime_error("at once, from shard " + std::to_string(where())); }
task<> nothing_later() { co_await shoal::yield(); }
task<int> ready_task(int value) { co_return value; }
counted next_of(counted value) { return counted{value.value() + 1}; }
task<counted> next_of_later(counted value) {
  co_await shoal::yield();
  co_return counted{value.value() + 1};
}

struct place {
  int base = 40;
  [[nodiscard]] int plus(int value) const { return base + value; }
};

template <class Function>
task<std::string> what_it_throws(shard_id to, Function function) {
  try {
    const int value = co_await submit_to(to, function, 1);
    co_return "returned " + std::to_string(value);
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
}

task<int> bounce(shard_id other, int hops) {
  if (hops == 0) co_return 0;
  const shard_id here = where();
  const int rest = co_await submit_to(other, &bounce, here, hops - 1);
  co_return rest + 1;
}

task<> one_call(shard_id to, int number, std::vector<int>& log) {
  const int value = co_await submit_to(to, &add, number, 0);
  log.push_back(value);
}

task<> many_calls(shard_id to, int count, std::vector<int>& log) {
  scope calls{no_failure};
  for (int i = 0; i < count; ++i) calls.spawn(one_call(to, i, log));
  co_await calls.join();
}

task<> many_tasks(shard_id to, int count, int& sum) {
  scope calls{no_failure};
  for (int i = 0; i < count; ++i) {
    calls.spawn([](shard_id target, int value, int& total) -> task<> {
      const int doubled = co_await submit_to(target, &twice_later, value);
      total += doubled;
    }(to, i, sum));
  }
  co_await calls.join();
}

std::vector<int> counting(int count) {
  std::vector<int> all;
  for (int i = 0; i < count; ++i) all.push_back(i);
  return all;
}

/// All frames and messages are back, everywhere.
void check_clean(stepped_shards& shards, std::size_t count) {
  shards.settle();
  for (std::size_t i = 0; i < count; ++i) {
    BOOST_TEST(shards.nodes(i) == 0U);
    BOOST_TEST(shards[i].mail().in_flight() == 0U);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(submit_suite)

BOOST_AUTO_TEST_CASE(the_function_runs_there_and_its_value_comes_back) {
  stepped_shards shards{3};
  BOOST_TEST(shards.run(0, [] { return submit_to(1, &where); }) == 1);
  BOOST_TEST(shards.run(2, [] { return submit_to(0, &where); }) == 0);
  BOOST_TEST(shards.run(0, [] { return submit_to(1, &add, 3, 4); }) == 7);
  BOOST_TEST(shards.run(0, [] { return submit_to(1, [](int a) { return a * a; }, 9); }) == 81);
  const place there;
  BOOST_TEST(shards.run(0, [&] { return submit_to(1, &place::plus, &there, 2); }) == 42);
  check_clean(shards, 3);
}

BOOST_AUTO_TEST_CASE(void_move_only_and_error_values) {
  stepped_shards shards{2};
  std::vector<shard_id> log;
  shards.run(0, [&] { return submit_to(1, &push, &log); });
  BOOST_TEST((log == std::vector<shard_id>{1}));
  auto text = std::make_unique<std::string>("there");
  const auto* const address = text.get();
  text = shards.run(0, [&] { return submit_to(1, &longer, std::move(text)); });
  BOOST_TEST(*text == "there and back");
  BOOST_TEST(text.get() == address);
  BOOST_TEST((shards.run(0, [] { return submit_to(1, &refused); }) == shoal::errc::stopped));
  check_clean(shards, 2);
}

BOOST_AUTO_TEST_CASE(exceptions_are_thrown_where_it_is_awaited) {
  stepped_shards shards{2};
  const auto from = [&](shard_id to, auto function) {
    return shards.run(0, [=] { return what_it_throws(to, function); });
  };
  BOOST_TEST(from(1, &failing) == "from shard 1");
  BOOST_TEST(from(1, &failing_later) == "later, from shard 1");
  BOOST_TEST(from(1, &failing_at_once) == "at once, from shard 1");
  BOOST_TEST(from(0, &failing) == "from shard 0");
  BOOST_TEST(from(0, &failing_later) == "later, from shard 0");
  check_clean(shards, 2);
}

BOOST_AUTO_TEST_CASE(a_function_may_return_a_task) {
  stepped_shards shards{2};
  BOOST_TEST(shards.run(0, [] { return submit_to(1, &twice_later, 21); }) == 42);
  BOOST_TEST(shards.run(1, [] { return submit_to(1, &twice_later, 21); }) == 42);
  BOOST_TEST(shards.run(0, [] { return submit_to(1, &ready_task, 5); }) == 5);
  shards.run(0, [] { return submit_to(1, &nothing_later); });
  check_clean(shards, 2);
}

BOOST_AUTO_TEST_CASE(to_itself_without_a_message) {
  stepped_shards shards{2};
  BOOST_TEST(shards.run(1, [] { return submit_to(1, &where); }) == 1);
  std::vector<shard_id> log;
  shards.run(0, [&] { return submit_to(0, &push, &log); });
  BOOST_TEST((log == std::vector<shard_id>{0}));
  BOOST_TEST(shards[0].mail().counters().sent == 0U);
  BOOST_TEST(shards[1].mail().counters().sent == 0U);
  check_clean(shards, 2);
}

BOOST_AUTO_TEST_CASE(arguments_and_results_are_destroyed_once) {
  const int mistakes = counted::mistakes();
  {
    stepped_shards shards{2};
    for (const shard_id to : {shard_id{0}, shard_id{1}}) {
      BOOST_TEST(shards.run(0, [=] { return submit_to(to, &next_of, counted(4)); }).value() == 5);
      BOOST_TEST(shards.run(0, [=] { return submit_to(to, &next_of_later, counted(6)); }).value() == 7);
    }
    check_clean(shards, 2);
    BOOST_TEST(counted::alive() == 0U);
  }
  BOOST_TEST(counted::mistakes() == mistakes);
}

BOOST_AUTO_TEST_CASE(calls_inside_calls_from_both_sides) {
  stepped_shards shards{2};
  BOOST_TEST(shards.run(0, [] { return bounce(1, 500); }) == 500);
  check_clean(shards, 2);
}

BOOST_AUTO_TEST_CASE(thousands_in_flight_keep_their_order) {
  constexpr int count = 5'000;
  stepped_shards shards{2};
  std::vector<int> log;
  shards.run(0, [&] { return many_calls(1, count, log); });
  BOOST_TEST((log == counting(count)));
  BOOST_TEST(shards[0].mail().counters().lane_full > 0U);
  check_clean(shards, 2);
}

BOOST_AUTO_TEST_CASE(thousands_of_tasks_in_flight_both_ways_at_once) {
  constexpr int count = 2'000;
  stepped_shards shards{2};
  std::vector<int> there;
  int back = 0;
  shoal::test::end_note ends;
  task<> first;
  task<> second;
  {
    const auto here = shards.enter(0);
    first = many_tasks(1, count, back);
    BOOST_TEST(!first.start(ends));
  }
  {
    const auto here = shards.enter(1);
    second = many_calls(0, count, there);
    BOOST_TEST(!second.start(ends));
  }
  while (ends.count < 2) shards.round();
  {
    const auto here = shards.enter(0);
    first.take();
    first = {};
  }
  {
    const auto here = shards.enter(1);
    second.take();
    second = {};
  }
  BOOST_TEST(back == count * (count - 1));
  BOOST_TEST((there == counting(count)));
  check_clean(shards, 2);
}

BOOST_AUTO_TEST_SUITE_END()
