// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/channel.hpp>

#include <shoal/core/sleep.hpp>
#include <tests/core/allocations.hpp>
#include <tests/core/counted.hpp>
#include <tests/core/death.hpp>
#include <tests/core/small_stack.hpp>
#include <tests/core/sync_rig.hpp>
#include <tests/seed.hpp>

#include <memory>
#include <optional>
#include <random>
#include <string>

using shoal::channel;
using shoal::errc;
using shoal::scope;
using shoal::task;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

/// Logs the number, or its negative when it was refused.
task<> push(channel<int>& into, int value, std::stop_token stop, numbers& log) {
  const auto pushed = co_await into.push(std::move(value), stop);
  log.push_back(pushed ? value : -value);
}

/// Logs the value, -1 when cancelled, -2 when closed.
task<> pop(channel<int>& from, std::stop_token stop, numbers& log) {
  const auto value = co_await from.pop(stop);
  if (value) {
    log.push_back(*value);
  } else {
    log.push_back(value.error() == errc::cancelled ? -1 : -2);
  }
}

loose pop_loosely(channel<int>& from, numbers& log) {
  const auto value = co_await from.pop();
  log.push_back(value ? *value : -2);
}

loose push_loosely(channel<int>& into, int value, numbers& log) {
  const auto pushed = co_await into.push(std::move(value));
  log.push_back(pushed ? value : -value);
}

task<> produce(channel<int>& into, int count) {
  for (int i = 0; i < count; ++i) {
    int value = i;
    const auto pushed = co_await into.push(std::move(value));
    if (!pushed) co_return;
  }
  into.close();
}

task<> consume(channel<int>& from, numbers& log) {
  while (auto value = co_await from.pop()) log.push_back(*value);
}

task<std::int64_t> sum_of(channel<int>& from) {
  std::int64_t sum = 0;
  while (true) {
    const auto value = co_await from.pop();
    if (!value) co_return sum;
    sum += *value;
  }
}

task<> back_and_forth(channel<int>& both, int times) {
  for (int i = 0; i < times; ++i) {
    int value = i;
    const auto pushed = co_await both.push(std::move(value));
    const auto popped = co_await both.pop();
    if (!pushed || *popped != i) co_return;
  }
}

task<std::string> move_only(channel<std::unique_ptr<std::string>>& through) {
  auto kept = std::make_unique<std::string>("kept by who could not push it");
  const auto first = co_await through.push(std::make_unique<std::string>("a temporary of the expression"));
  BOOST_TEST(first.has_value());
  BOOST_TEST((through.try_push(std::move(kept)).error() == errc::would_block));
  auto value = co_await through.pop();
  through.close();
  const auto refused = co_await through.push(std::move(kept));
  BOOST_TEST((refused.error() == errc::closed));
  co_return **value + ", " + *kept;
}

task<> push_counted(channel<counted>& into, int count) {
  for (int i = 0; i < count; ++i) {
    const auto pushed = co_await into.push(counted(i));
    BOOST_TEST(pushed.has_value());
  }
}

task<> pop_counted(channel<counted>& from, int count) {
  for (int i = 0; i < count; ++i) {
    const auto value = co_await from.pop();
    BOOST_TEST(value->value() == i);
  }
}

struct traffic {
  int sent = 0;
  int refused = 0;
  numbers got;
  int cancelled = 0;
};

task<> random_producer(channel<int>& into, traffic& seen, int from, int count, std::uint64_t seed,
                       std::stop_token stop) {
  std::mt19937_64 random{seed};
  for (int i = from; i < from + count; ++i) {
    if (random() % 4 == 0) co_await shoal::sleep_for(1ms * (random() % 3));
    int value = i;
    const auto pushed = co_await into.push(std::move(value), stop);
    ++(pushed ? seen.sent : seen.refused);
  }
}

task<> random_consumer(channel<int>& from, traffic& seen, std::uint64_t seed, std::stop_token stop) {
  std::mt19937_64 random{seed};
  while (true) {
    const auto value = co_await from.pop(stop);
    if (!value) {
      seen.cancelled += value.error() == errc::cancelled ? 1 : 0;
      co_return;
    }
    seen.got.push_back(*value);
    if (random() % 3 == 0) co_await shoal::yield();
    if (random() % 8 == 0) co_await shoal::sleep_for(1ms);
  }
}

task<> stop_and_close(std::stop_source& stop, channel<int>& both, shoal::duration stop_after,
                      shoal::duration close_after) {
  co_await shoal::sleep_for(stop_after);
  stop.request_stop();
  co_await shoal::sleep_for(close_after);
  both.close();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(channel_suite)

BOOST_AUTO_TEST_CASE(values_arrive_in_order_through_every_size) {
  for (const std::size_t capacity : {1U, 2U, 3U, 7U, 2'000U}) {
    solo_shard here;
    channel<int> both{capacity};
    numbers log;
    numbers expected(1'000);
    for (int i = 0; i < 1'000; ++i) expected[static_cast<std::size_t>(i)] = i;
    scope crew{no_failure};
    crew.spawn(consume(both, log));
    crew.spawn(produce(both, 1'000));
    run_ready(here);
    BOOST_TEST((log == expected));
    BOOST_TEST(crew.running() == 0U);
    BOOST_TEST(here.nodes() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(without_waiting) {
  solo_shard here;
  channel<int> both{2};
  BOOST_TEST((both.try_pop().error() == errc::would_block));
  BOOST_TEST(both.try_push(1).has_value());
  BOOST_TEST(both.try_push(2).has_value());
  BOOST_TEST((both.try_push(3).error() == errc::would_block));
  BOOST_TEST(both.size() == 2U);
  both.close();
  BOOST_TEST((both.try_push(4).error() == errc::closed));
  BOOST_TEST(*both.try_pop() == 1);
  BOOST_TEST(*both.try_pop() == 2);
  BOOST_TEST((both.try_pop().error() == errc::closed));
}

BOOST_AUTO_TEST_CASE(pushers_wait_for_room_in_order) {
  solo_shard here;
  channel<int> both{1};
  numbers pushed;
  numbers popped;
  scope crew{no_failure};
  for (int i = 1; i <= 4; ++i) crew.spawn(push(both, i, {}, pushed));
  BOOST_TEST((pushed == numbers{1}));
  BOOST_TEST(*both.try_pop() == 1);
  BOOST_TEST((pushed == numbers{1}));         // nobody runs inside the pop,
  BOOST_TEST(both.size() == 1U);              // but the next value is in
  BOOST_TEST(!both.try_push(9).has_value());  // and nobody overtakes
  for (int i = 0; i < 3; ++i) crew.spawn(pop(both, {}, popped));
  run_ready(here);
  BOOST_TEST((pushed == numbers{1, 2, 3, 4}));
  BOOST_TEST((popped == numbers{2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(poppers_are_served_in_order_and_not_overtaken) {
  solo_shard here;
  channel<int> both{4};
  numbers first;
  numbers second;
  scope crew{no_failure};
  crew.spawn(pop(both, {}, first));
  crew.spawn(pop(both, {}, second));
  BOOST_TEST(both.try_push(1).has_value());
  BOOST_TEST(both.try_push(2).has_value());
  BOOST_TEST(first.empty());                                  // not inside the push
  BOOST_TEST((both.try_pop().error() == errc::would_block));  // both are promised
  run_ready(here);
  BOOST_TEST((first == numbers{1}));
  BOOST_TEST((second == numbers{2}));
}

BOOST_AUTO_TEST_CASE(a_stop_ends_a_wait_and_loses_no_value) {
  solo_shard here;
  channel<int> both{1};
  numbers log;
  std::stop_source stop;
  scope crew{no_failure};
  crew.spawn(pop(both, stop.get_token(), log));
  crew.spawn(pop(both, stop.get_token(), log));
  BOOST_TEST(both.try_push(7).has_value());  // promised to the first
  stop.request_stop();
  run_ready(here);
  BOOST_TEST((log == numbers{7, -1}));
  BOOST_TEST(both.try_push(8).has_value());
  crew.spawn(push(both, 9, stop.get_token(), log));  // stopped before
  crew.spawn(pop(both, stop.get_token(), log));
  BOOST_TEST((log == numbers{7, -1, -9, -1}));
  std::stop_source later;
  crew.spawn(push(both, 10, later.get_token(), log));
  later.request_stop();
  run_ready(here);
  BOOST_TEST((log == numbers{7, -1, -9, -1, -10}));
  BOOST_TEST(*both.try_pop() == 8);
  BOOST_TEST(both.size() == 0U);
}

BOOST_AUTO_TEST_CASE(closing_ends_the_waits_and_keeps_what_is_inside) {
  solo_shard here;
  channel<int> both{1};
  channel<int> empty{1};
  numbers log;
  scope crew{no_failure};
  crew.spawn(push(both, 1, {}, log));
  crew.spawn(push(both, 2, {}, log));
  crew.spawn(pop(empty, {}, log));
  both.close();
  empty.close();
  run_ready(here);
  BOOST_TEST((log == numbers{1, -2, -2}));
  log.clear();
  crew.spawn(pop(both, {}, log));
  crew.spawn(pop(both, {}, log));
  crew.spawn(push(both, 3, {}, log));
  BOOST_TEST((log == numbers{1, -2, -3}));
}

BOOST_AUTO_TEST_CASE(a_value_promised_before_the_close_arrives) {
  solo_shard here;
  channel<int> both{1};
  numbers log;
  scope crew{no_failure};
  crew.spawn(pop(both, {}, log));
  crew.spawn(pop(both, {}, log));
  BOOST_TEST(both.try_push(5).has_value());
  both.close();
  run_ready(here);
  BOOST_TEST((log == numbers{5, -2}));
}

BOOST_AUTO_TEST_CASE(frames_that_go_while_they_wait_lose_nothing) {
  solo_shard here;
  channel<int> both{1};
  numbers log;
  {
    auto first = pop_loosely(both, log);
    auto second = pop_loosely(both, log);
    auto third = pop_loosely(both, log);
    first.destroy();  // in line
    BOOST_TEST(both.try_push(1).has_value());
    second.destroy();  // promised
    run_ready(here);
    BOOST_TEST((log == numbers{1}));
  }
  auto in = push_loosely(both, 2, log);
  auto refused = push_loosely(both, 3, log);
  auto waits = push_loosely(both, 4, log);
  refused.destroy();  // in line: never pushed
  BOOST_TEST(*both.try_pop() == 2);
  waits.destroy();  // in the run queue: it is in already
  BOOST_TEST(*both.try_pop() == 4);
  run_ready(here);
  BOOST_TEST((log == numbers{1, 2}));
}

BOOST_AUTO_TEST_CASE(move_only_values_and_who_owns_a_refused_one) {
  solo_shard here;
  channel<std::unique_ptr<std::string>> through{1};
  BOOST_TEST(here.run(move_only(through)) == "a temporary of the expression, kept by who could not push it");
}

BOOST_AUTO_TEST_CASE(every_value_is_destroyed_once) {
  const int mistakes = counted::mistakes();
  {
    solo_shard here;
    channel<counted> through{2};
    scope crew{no_failure};
    crew.spawn(push_counted(through, 100));
    crew.spawn(pop_counted(through, 97));  // the rest stays in the ring
    run_ready(here);
    BOOST_TEST(crew.running() == 1U);
    crew.spawn(pop_counted(through, 0));
    BOOST_TEST(through.try_pop()->value() == 97);
    run_ready(here);
    BOOST_TEST(crew.running() == 0U);
    BOOST_TEST(counted::alive() == 2U);
  }
  BOOST_TEST(counted::alive() == 0U);
  BOOST_TEST(counted::mistakes() == mistakes);
}

BOOST_AUTO_TEST_CASE(going_while_somebody_waits_ends_the_program) {
  BOOST_TEST(aborts([] {
    const solo_shard here;
    std::optional<channel<int>> both{std::in_place, 1U};
    numbers log;
    auto waits = pop_loosely(*both, log);
    both.reset();
  }));
}

BOOST_AUTO_TEST_CASE(ten_million_ready_awaits_fit_a_small_stack) {
  on_stack_of(small_stack, [] {
    solo_shard here;
    channel<int> both{4};
    const auto before = allocations();
    here.run(back_and_forth(both, 5'000'000));
    BOOST_TEST(allocations() == before);
    BOOST_TEST(here->counters().tasks == 0U);
  });
}

BOOST_AUTO_TEST_CASE(a_million_waits_fit_a_small_stack_and_allocate_nothing) {
  constexpr int count = 1'000'000;
  on_stack_of(small_stack, [] {
    solo_shard here;
    channel<int> both{1};
    scope crew{no_failure};
    crew.spawn(produce(both, count));
    const auto before = allocations();
    const std::int64_t sum = here.run(sum_of(both));
    BOOST_TEST(allocations() == before);
    BOOST_TEST(sum == std::int64_t{count} * (count - 1) / 2);
  });
}

BOOST_AUTO_TEST_CASE(any_order_of_producers_consumers_stops_and_the_close) {
  for (std::uint64_t round = 0; round < seed_count(20); ++round) {
    std::mt19937_64 random{seed() + round};
    const auto pick = [&random](int from, int to) { return std::uniform_int_distribution<int>{from, to}(random); };
    solo_shard here;
    channel<int> both{static_cast<std::size_t>(pick(1, 5))};
    traffic seen;
    std::stop_source stop;
    scope crew{no_failure};
    const int producers = pick(1, 5);
    const int consumers = pick(1, 5);
    for (int i = 0; i < producers; ++i) {
      auto token = pick(0, 1) == 0 ? stop.get_token() : std::stop_token{};
      crew.spawn(random_producer(both, seen, i * 1'000, 100, random(), std::move(token)));
    }
    for (int i = 0; i < consumers; ++i) {
      auto token = pick(0, 1) == 0 ? stop.get_token() : std::stop_token{};
      crew.spawn(random_consumer(both, seen, random(), std::move(token)));
    }
    crew.spawn(stop_and_close(stop, both, 1ms * pick(0, 100), 1ms * pick(0, 100)));
    while (crew.running() != 0) here.turn();
    while (const auto left = both.try_pop()) seen.got.push_back(*left);
    BOOST_TEST(seen.sent + seen.refused == producers * 100);
    BOOST_TEST(seen.got.size() == static_cast<std::size_t>(seen.sent));
    for (int i = 0; i < producers; ++i) {  // each producer's values are in order, none twice
      numbers own;
      for (const int value : seen.got) {
        if (value / 1'000 == i) own.push_back(value);
      }
      BOOST_TEST(std::ranges::is_sorted(own, std::less_equal<>{}));
    }
    BOOST_TEST(here.nodes() == 0U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
