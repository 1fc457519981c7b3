// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/mutex.hpp>

#include <shoal/core/sleep.hpp>
#include <tests/core/allocations.hpp>
#include <tests/core/death.hpp>
#include <tests/core/small_stack.hpp>
#include <tests/core/sync_rig.hpp>
#include <tests/seed.hpp>

#include <optional>
#include <random>
#include <stdexcept>

using shoal::errc;
using shoal::mutex;
using shoal::scope;
using shoal::task;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

task<> write(mutex& m, numbers& log, int number) {
  const auto held = co_await m.lock();
  log.push_back(number);
  co_await shoal::yield();
  log.push_back(number);
}

task<> write_until(mutex& m, std::stop_token stop, numbers& log, int number) {
  const auto held = co_await m.lock(stop);
  if (!held) BOOST_TEST((held.error() == errc::cancelled));
  log.push_back(held ? number : -number);
}

task<> fail(mutex& m) {
  const auto held = co_await m.lock();
  co_await shoal::yield();
  throw std::runtime_error("while it was held");
}

loose write_loosely(mutex& m, numbers& log, int number) {
  const auto held = co_await m.lock();
  log.push_back(number);
  co_await std::suspend_always();
}

task<> often(mutex& m, int times) {
  for (int i = 0; i < times; ++i) {
    const auto held = co_await m.lock();
    if (!held) co_return;
  }
}

/// With two of these every lock but the first waits.
task<> in_turn(mutex& m, int times) {
  for (int i = 0; i < times; ++i) {
    const auto held = co_await m.lock();
    co_await shoal::yield();
  }
}

struct record {
  bool busy = false;
  int served = 0;
  int stopped = 0;
  int mistakes = 0;
};

task<> random_user(mutex& m, record& seen, shoal::duration before, int yields, std::stop_token stop) {
  co_await shoal::sleep_for(before);
  auto held = co_await m.lock(stop);
  if (!held) {
    ++seen.stopped;
    co_return;
  }
  if (std::exchange(seen.busy, true)) ++seen.mistakes;
  for (int i = 0; i < yields; ++i) co_await shoal::yield();
  seen.busy = false;
  ++seen.served;
}

task<> stop_at(std::stop_source& source, shoal::duration when) {
  co_await shoal::sleep_for(when);
  source.request_stop();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mutex_suite)

BOOST_AUTO_TEST_CASE(one_at_a_time_first_come_first_served) {
  solo_shard here;
  mutex m;
  numbers log;
  scope crew{no_failure};
  for (int i = 1; i <= 4; ++i) crew.spawn(write(m, log, i));
  run_ready(here);
  BOOST_TEST((log == numbers{1, 1, 2, 2, 3, 3, 4, 4}));
  BOOST_TEST(!m.is_locked());
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_newcomer_does_not_overtake_who_waits) {
  solo_shard here;
  mutex m;
  numbers log;
  scope crew{no_failure};
  auto held = *m.try_lock();
  BOOST_TEST(!m.try_lock().has_value());
  crew.spawn(write(m, log, 1));
  held.unlock();
  BOOST_TEST(log.empty());                // not inside unlock()
  BOOST_TEST(!m.try_lock().has_value());  // it has been passed on
  crew.spawn(write(m, log, 2));
  run_ready(here);
  BOOST_TEST((log == numbers{1, 1, 2, 2}));
}

BOOST_AUTO_TEST_CASE(a_guard_moves_and_unlocks_once) {
  solo_shard here;
  mutex m;
  auto first = *m.try_lock();
  auto second = std::move(first);
  BOOST_TEST(!first);
  BOOST_TEST(static_cast<bool>(second));
  first.unlock();
  BOOST_TEST(m.is_locked());
  second.unlock();
  second.unlock();
  BOOST_TEST(!m.is_locked());
}

BOOST_AUTO_TEST_CASE(an_exception_unlocks) {
  solo_shard here;
  mutex m;
  numbers log;
  BOOST_CHECK_THROW(here.run(fail(m)), std::runtime_error);
  here.run(write(m, log, 1));
  BOOST_TEST((log == numbers{1, 1}));
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_wait_only_while_it_is_one) {
  solo_shard here;
  mutex m;
  numbers log;
  std::stop_source stop;
  scope crew{no_failure};
  auto held = *m.try_lock();
  crew.spawn(write_until(m, stop.get_token(), log, 1));
  crew.spawn(write_until(m, stop.get_token(), log, 2));
  held.unlock();  // the first has it now
  stop.request_stop();
  run_ready(here);
  BOOST_TEST((log == numbers{1, -2}));
  crew.spawn(write_until(m, stop.get_token(), log, 3));
  BOOST_TEST((log == numbers{1, -2, -3}));
  BOOST_TEST(!m.is_locked());
}

BOOST_AUTO_TEST_CASE(a_frame_that_waits_or_has_been_passed_it_may_go) {
  solo_shard here;
  mutex m;
  numbers log;
  auto first = write_loosely(m, log, 1);
  auto second = write_loosely(m, log, 2);
  auto third = write_loosely(m, log, 3);
  auto fourth = write_loosely(m, log, 4);
  second.destroy();  // in line
  first.destroy();   // passes it to the third
  third.destroy();   // in the run queue
  run_ready(here);
  BOOST_TEST((log == numbers{1, 4}));
  fourth.destroy();
  BOOST_TEST(!m.is_locked());
}

BOOST_AUTO_TEST_CASE(going_while_it_is_held_ends_the_program) {
  BOOST_TEST(aborts([] {
    const solo_shard here;
    std::optional<mutex> m{std::in_place};
    const auto held = m->try_lock();
    m.reset();
  }));
}

BOOST_AUTO_TEST_CASE(ten_million_ready_awaits_fit_a_small_stack) {
  on_stack_of(small_stack, [] {
    solo_shard here;
    mutex m;
    const auto before = allocations();
    here.run(often(m, 10'000'000));
    BOOST_TEST(allocations() == before);
    BOOST_TEST(here->counters().tasks == 0U);
  });
}

BOOST_AUTO_TEST_CASE(a_million_waits_fit_a_small_stack_and_allocate_nothing) {
  on_stack_of(small_stack, [] {
    solo_shard here;
    mutex m;
    scope crew{no_failure};
    crew.spawn(in_turn(m, 500'000));
    crew.spawn(in_turn(m, 500'000));
    const auto before = allocations();
    const auto nodes = here.nodes();
    here->turn(false);
    const auto nodes_meanwhile = here.nodes();
    run_ready(here);
    BOOST_TEST(allocations() == before);
    BOOST_TEST(nodes_meanwhile == nodes);
    BOOST_TEST(crew.running() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(any_order_of_users_and_stops) {
  for (std::uint64_t round = 0; round < seed_count(20); ++round) {
    std::mt19937_64 random{seed() + round};
    const auto pick = [&random](int from, int to) { return std::uniform_int_distribution<int>{from, to}(random); };
    solo_shard here;
    mutex m;
    record seen;
    std::vector<std::stop_source> stops(10);
    scope crew{no_failure};
    for (int i = 0; i < 300; ++i) {
      auto stop = pick(0, 1) == 0 ? stops[static_cast<std::size_t>(pick(0, 9))].get_token() : std::stop_token{};
      crew.spawn(random_user(m, seen, 1ms * pick(0, 30), pick(0, 3), std::move(stop)));
    }
    for (auto& stop : stops) crew.spawn(stop_at(stop, 1ms * pick(0, 30)));
    while (crew.running() != 0) here.turn();
    BOOST_TEST(seen.served + seen.stopped == 300);
    BOOST_TEST(seen.mistakes == 0);
    BOOST_TEST(!m.is_locked());
    BOOST_TEST(here.nodes() == 0U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
