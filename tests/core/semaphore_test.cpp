// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/semaphore.hpp>

#include <shoal/core/sleep.hpp>
#include <tests/core/allocations.hpp>
#include <tests/core/death.hpp>
#include <tests/core/small_stack.hpp>
#include <tests/core/sync_rig.hpp>
#include <tests/seed.hpp>

#include <optional>
#include <random>

using shoal::errc;
using shoal::scope;
using shoal::semaphore;
using shoal::task;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

task<> take(semaphore& from, std::size_t count, std::stop_token stop, numbers& log, int number) {
  auto mine = co_await from.acquire(count, stop);
  if (mine) {
    log.push_back(number);
  } else {
    log.push_back(mine.error() == errc::cancelled ? -number : -1'000 - number);
  }
}

task<> hold(semaphore& from, std::size_t count, numbers& log, int number, shoal::duration length) {
  const auto mine = co_await from.acquire(count);
  log.push_back(number);
  co_await shoal::sleep_for(length);
}

loose loosely(semaphore& from, std::size_t count, numbers& log, int number) {
  const auto mine = co_await from.acquire(count);
  log.push_back(number);
  co_await std::suspend_always();
}

task<> often(semaphore& from, int times) {
  for (int i = 0; i < times; ++i) {
    const auto mine = co_await from.acquire();
    if (!mine) co_return;
  }
}

/// Every acquisition but the first of two that do this waits.
task<> in_turn(semaphore& from, int times) {
  for (int i = 0; i < times; ++i) {
    const auto mine = co_await from.acquire();
    co_await shoal::yield();
  }
}

struct census {
  std::size_t inside = 0;
  std::size_t most = 0;
  int served = 0;
  int stopped = 0;
};

task<> visitor(semaphore& from, census& seen, std::size_t count, shoal::duration before, shoal::duration length,
               std::stop_token stop) {
  co_await shoal::sleep_for(before);
  auto mine = co_await from.acquire(count, stop);
  if (!mine) {
    ++seen.stopped;
    co_return;
  }
  seen.inside += mine->count();
  seen.most = std::max(seen.most, seen.inside);
  co_await shoal::sleep_for(length);
  seen.inside -= mine->count();
  ++seen.served;
}

task<> stop_at(std::stop_source& source, shoal::duration when) {
  co_await shoal::sleep_for(when);
  source.request_stop();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(semaphore_suite)

BOOST_AUTO_TEST_CASE(units_come_back_when_they_go) {
  solo_shard here;
  semaphore room{3};
  auto two = room.try_acquire(2);
  BOOST_REQUIRE(two.has_value());
  BOOST_TEST(two->count() == 2U);
  BOOST_TEST(room.available() == 1U);
  BOOST_TEST(!room.try_acquire(2).has_value());
  auto moved = std::move(*two);
  two.reset();
  BOOST_TEST(room.available() == 1U);
  moved.release();
  moved.release();
  BOOST_TEST(room.available() == 3U);
  auto kept = room.try_acquire(3);
  BOOST_TEST(kept->forget() == 3U);
  kept.reset();
  BOOST_TEST(room.available() == 0U);
  room.release(2);
  BOOST_TEST(room.available() == 2U);
}

BOOST_AUTO_TEST_CASE(first_come_first_served_whatever_the_counts) {
  solo_shard here;
  semaphore room{4};
  numbers log;
  scope crew{no_failure};
  crew.spawn(hold(room, 3, log, 1, 10ms));
  crew.spawn(hold(room, 4, log, 2, 10ms));  // one unit is left, but this one is first
  crew.spawn(hold(room, 1, log, 3, 10ms));
  BOOST_TEST(!room.try_acquire(1).has_value());
  crew.spawn(hold(room, 1, log, 4, 10ms));
  while (crew.running() != 0) here.turn();
  BOOST_TEST((log == numbers{1, 2, 3, 4}));
  BOOST_TEST(room.available() == 4U);
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_release_runs_nobody_inside_itself) {
  solo_shard here;
  semaphore room{0};
  numbers log;
  scope crew{no_failure};
  crew.spawn(take(room, 1, {}, log, 1));
  room.release();
  BOOST_TEST(log.empty());
  BOOST_TEST(!room.try_acquire().has_value());  // it is already the waiter's
  run_ready(here);
  BOOST_TEST((log == numbers{1}));
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_wait_and_lets_who_is_behind_go_on) {
  solo_shard here;
  semaphore room{1};
  numbers log;
  std::stop_source stop;
  scope crew{no_failure};
  crew.spawn(take(room, 5, stop.get_token(), log, 1));
  crew.spawn(take(room, 1, {}, log, 2));
  run_ready(here);
  BOOST_TEST(log.empty());
  stop.request_stop();
  BOOST_TEST(log.empty());
  run_ready(here);
  BOOST_TEST((log == numbers{-1, 2}));
  crew.spawn(take(room, 1, stop.get_token(), log, 3));  // stopped before: nothing is taken, though it is there
  BOOST_TEST((log == numbers{-1, 2, -3}));
  BOOST_TEST(room.available() == 1U);
}

BOOST_AUTO_TEST_CASE(what_was_granted_stays_granted_when_the_stop_comes_in_the_same_turn) {
  solo_shard here;
  semaphore room{0};
  numbers log;
  std::stop_source stop;
  scope crew{no_failure};
  crew.spawn(take(room, 1, stop.get_token(), log, 1));
  room.release();
  stop.request_stop();
  run_ready(here);
  BOOST_TEST((log == numbers{1}));
  crew.spawn(take(room, 2, std::stop_token{}, log, 2));
  room.close();
  run_ready(here);
  BOOST_TEST((log == numbers{1, -1'002}));
}

BOOST_AUTO_TEST_CASE(one_stop_ends_many_waits) {
  solo_shard here;
  semaphore room{0};
  numbers log;
  std::stop_source stop;
  scope crew{no_failure};
  for (int i = 1; i <= 100; ++i) crew.spawn(take(room, 1, stop.get_token(), log, i));
  stop.request_stop();
  run_ready(here);
  BOOST_TEST(log.size() == 100U);
  BOOST_TEST(crew.running() == 0U);
}

BOOST_AUTO_TEST_CASE(closing_ends_all_waits_and_those_to_come) {
  solo_shard here;
  semaphore room{1};
  numbers log;
  scope crew{no_failure};
  crew.spawn(take(room, 2, {}, log, 1));
  crew.spawn(take(room, 3, {}, log, 2));
  room.close();
  run_ready(here);
  crew.spawn(take(room, 1, {}, log, 3));
  BOOST_TEST((log == numbers{-1'001, -1'002, -1'003}));
  BOOST_TEST(!room.try_acquire().has_value());
}

BOOST_AUTO_TEST_CASE(a_frame_destroyed_while_it_waits_leaves_the_line) {
  solo_shard here;
  semaphore room{1};
  numbers log;
  auto first = loosely(room, 2, log, 1);
  auto second = loosely(room, 1, log, 2);
  run_ready(here);
  BOOST_TEST(log.empty());
  first.destroy();  // the second was only behind it
  run_ready(here);
  BOOST_TEST((log == numbers{2}));
  second.destroy();
  BOOST_TEST(room.available() == 1U);
}

BOOST_AUTO_TEST_CASE(a_frame_destroyed_before_its_turn_gives_the_units_back) {
  solo_shard here;
  semaphore room{0};
  numbers log;
  auto first = loosely(room, 1, log, 1);
  auto second = loosely(room, 1, log, 2);
  auto third = loosely(room, 1, log, 3);
  room.release();
  first.destroy();  // in the run queue by now
  run_ready(here);
  BOOST_TEST((log == numbers{2}));
  third.destroy();
  second.destroy();
  BOOST_TEST(room.available() == 1U);
  BOOST_TEST(here->is_quiet());
}

BOOST_AUTO_TEST_CASE(going_while_somebody_waits_ends_the_program) {
  BOOST_TEST(aborts([] {
    const solo_shard here;
    std::optional<semaphore> room{std::in_place, 0U};
    numbers log;
    auto waits = loosely(*room, 1, log, 1);
    room.reset();
  }));
}

BOOST_AUTO_TEST_CASE(ten_million_ready_awaits_fit_a_small_stack) {
  on_stack_of(small_stack, [] {
    solo_shard here;
    semaphore room{1};
    const auto before = allocations();
    here.run(often(room, 10'000'000));
    BOOST_TEST(allocations() == before);
    BOOST_TEST(here->counters().tasks == 0U);
  });
}

BOOST_AUTO_TEST_CASE(a_wait_allocates_nothing) {
  solo_shard here;
  semaphore room{1};
  scope crew{no_failure};
  crew.spawn(in_turn(room, 100'000));
  crew.spawn(in_turn(room, 100'000));
  const auto nodes = here.nodes();
  const auto before = allocations();
  for (int i = 0; i < 100; ++i) here->turn(false);
  const auto running_meanwhile = crew.running();
  const auto nodes_meanwhile = here.nodes();
  while (crew.running() != 0) here->turn(false);
  BOOST_TEST(allocations() == before);  // first: what Boost.Test notes down takes memory
  BOOST_TEST(running_meanwhile == 2U);
  BOOST_TEST(nodes_meanwhile == nodes);
}

BOOST_AUTO_TEST_CASE(never_more_inside_than_there_are_units) {
  for (std::uint64_t round = 0; round < seed_count(20); ++round) {
    std::mt19937_64 random{seed() + round};
    const auto pick = [&random](std::int64_t from, std::int64_t to) {
      return std::uniform_int_distribution<std::int64_t>{from, to}(random);
    };
    solo_shard here;
    const auto units = static_cast<std::size_t>(pick(1, 8));
    semaphore room{units};
    census seen;
    std::vector<std::stop_source> stops(10);
    scope crew{no_failure};
    for (int i = 0; i < 300; ++i) {
      const auto count = static_cast<std::size_t>(pick(1, static_cast<std::int64_t>(units)));
      auto stop = pick(0, 2) == 0 ? stops[static_cast<std::size_t>(pick(0, 9))].get_token() : std::stop_token{};
      crew.spawn(visitor(room, seen, count, 1ms * pick(0, 40), 1ms * pick(0, 5), std::move(stop)));
    }
    for (auto& stop : stops) crew.spawn(stop_at(stop, 1ms * pick(0, 200)));
    while (crew.running() != 0) here.turn();
    BOOST_TEST(seen.served + seen.stopped == 300);
    BOOST_TEST(seen.most <= units);
    BOOST_TEST(seen.inside == 0U);
    BOOST_TEST(room.available() == units);
    BOOST_TEST(here.nodes() == 0U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
