// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/with_timeout.hpp>

#include <shoal/core/channel.hpp>
#include <shoal/core/condition.hpp>
#include <shoal/core/gate.hpp>
#include <shoal/core/mutex.hpp>
#include <shoal/core/semaphore.hpp>
#include <tests/core/allocations.hpp>
#include <tests/core/counted.hpp>
#include <tests/core/sync_rig.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <random>
#include <stdexcept>
#include <string>

using shoal::channel;
using shoal::duration;
using shoal::errc;
using shoal::result;
using shoal::task;
using shoal::with_timeout;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

constexpr auto tick = shoal::timer_wheel::resolution;

task<int> number_after(int value, duration length, std::stop_token stop) {
  static_cast<void>(co_await shoal::sleep_for(length, stop));
  co_return value;
}

task<> nothing_after(duration length, std::stop_token stop) {
  static_cast<void>(co_await shoal::sleep_for(length, stop));
}

task<result<int>> result_after(int value, duration length, std::stop_token stop) {
  const auto slept = co_await shoal::sleep_for(length, stop);
  if (!slept) co_return shoal::fail(slept.error());
  co_return value;
}

/// Comes back with its value all the same.
task<result<int>> finishes_all_the_same(int value, std::stop_token stop) {
  static_cast<void>(co_await shoal::sleep_for(1h, stop));
  co_await shoal::sleep_for(30ms);
  co_return value;
}

task<result<int>> other_error(std::stop_token stop) {
  static_cast<void>(co_await shoal::sleep_for(1h, stop));
  co_return shoal::fail(errc::eof);
}

task<int> throws_after(duration length, std::stop_token stop) {
  static_cast<void>(co_await shoal::sleep_for(length, stop));
  throw std::runtime_error("in time or not");
}

task<int> takes_counted(counted argument, std::stop_token stop) {
  static_cast<void>(co_await shoal::sleep_for(10ms, stop));
  co_return argument.value();
}

task<int> with_arguments(duration limit) {
  counted argument{7};
  const auto value = co_await with_timeout(limit, &takes_counted, std::move(argument));
  co_return value ? *value : -1;
}

/// Anything that can be awaited: here what the primitives themselves give.
auto pop_from(channel<int>& from, std::stop_token stop) { return from.pop(stop); }
auto lock_of(shoal::mutex& m, std::stop_token stop) { return m.lock(stop); }
auto units_of(shoal::semaphore& from, std::size_t count, std::stop_token stop) { return from.acquire(count, stop); }
auto end_of(shoal::gate& g, std::stop_token stop) { return g.close(stop); }
bool never_true() { return false; }
auto truth(shoal::condition& changed, std::stop_token stop) { return changed.wait(&never_true, stop); }
auto push_to(channel<int>& into, int& value, std::stop_token stop) { return into.push(std::move(value), stop); }

/// What each says that waits in vain.
task<std::vector<std::error_code>> every_primitive() {
  std::vector<std::error_code> errors;
  channel<int> empty{1};
  channel<int> full{1};
  shoal::mutex m;
  shoal::semaphore none{0};
  shoal::gate g;
  shoal::condition changed;
  int value = 1;
  static_cast<void>(full.try_push(2));
  const auto held = co_await m.lock();
  const auto inside = g.enter();
  const auto popped = co_await with_timeout(1ms, &pop_from, std::ref(empty));
  const auto pushed = co_await with_timeout(1ms, &push_to, std::ref(full), std::ref(value));
  const auto locked = co_await with_timeout(1ms, &lock_of, std::ref(m));
  const auto units = co_await with_timeout(1ms, &units_of, std::ref(none), std::size_t{2});
  const auto closed = co_await with_timeout(1ms, &end_of, std::ref(g));
  const auto met = co_await with_timeout(1ms, &truth, std::ref(changed));
  for (const auto& error : {popped.error(), pushed.error(), locked.error(), units.error(), closed.error(), met.error()})
    errors.push_back(error);
  co_return errors;
}

task<> pop_within(channel<int>& from, duration limit, numbers& log) {
  const auto value = co_await with_timeout(limit, &pop_from, std::ref(from));
  log.push_back(value ? *value : -1);
}

task<> keep(task<result<int>> work, result<int>& value) { value = co_await work; }

struct tally {
  int pushed = 0;
  int popped = 0;
  int timed_out = 0;
};

task<> random_pops(channel<int>& from, tally& seen, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  for (int i = 0; i < 50; ++i) {
    const auto value = co_await with_timeout(1ms * (random() % 4), &pop_from, std::ref(from));
    ++(value ? seen.popped : seen.timed_out);
    if (!value) BOOST_TEST((value.error() == errc::timed_out));
  }
}

task<> random_pushes(channel<int>& into, tally& seen, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  for (int i = 0; i < 50; ++i) {
    int value = i;
    co_await shoal::sleep_for(1ms * (random() % 4));
    const auto pushed = co_await with_timeout(1ms * (random() % 4), &push_to, std::ref(into), std::ref(value));
    seen.pushed += pushed ? 1 : 0;
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(with_timeout_suite)

BOOST_AUTO_TEST_CASE(work_that_is_in_time_gives_its_value) {
  solo_shard here;
  BOOST_TEST(*here.run(with_timeout(20ms, &number_after, 7, duration{10ms})) == 7);
  BOOST_TEST(here.run(with_timeout(20ms, &nothing_after, duration{10ms})).has_value());
  BOOST_TEST(*here.run(with_timeout(20ms, &result_after, 8, duration{10ms})) == 8);
  BOOST_TEST(*here.run(with_timeout(0ms, &number_after, 9, duration{0ms})) == 9);  // ready at once
  BOOST_TEST(*here.run(with_timeout(duration::max(), &number_after, 9, duration{1h})) == 9);
  BOOST_TEST(here.nodes() == 0U);
  BOOST_TEST(here.comes_to_rest());  // no timer is left behind
}

BOOST_AUTO_TEST_CASE(work_that_is_late_is_stopped_and_awaited) {
  solo_shard here;
  const auto before = here->now();
  BOOST_TEST((here.run(with_timeout(20ms, &number_after, 7, duration{1h})).error() == errc::timed_out));
  BOOST_TEST((here.run(with_timeout(20ms, &nothing_after, duration{1h})).error() == errc::timed_out));
  BOOST_TEST((here.run(with_timeout(20ms, &result_after, 8, duration{1h})).error() == errc::timed_out));
  BOOST_TEST((here.run(with_timeout(-1ms, &result_after, 8, duration{1h})).error() == errc::timed_out));
  BOOST_TEST((here->now() - before < 80ms));
  BOOST_TEST((make_error_code(errc::timed_out) == std::errc::timed_out));
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_result_that_comes_all_the_same_is_not_lost) {
  solo_shard here;
  const auto before = here->now();
  BOOST_TEST(*here.run(with_timeout(20ms, &finishes_all_the_same, 5)) == 5);
  BOOST_TEST((here->now() - before >= 50ms));
  BOOST_TEST((here.run(with_timeout(20ms, &other_error)).error() == errc::eof));
}

BOOST_AUTO_TEST_CASE(an_exception_is_passed_on_in_time_or_not) {
  solo_shard here;
  BOOST_CHECK_THROW(here.run(with_timeout(20ms, &throws_after, duration{10ms})), std::runtime_error);
  BOOST_CHECK_THROW(here.run(with_timeout(20ms, &throws_after, duration{1h})), std::runtime_error);
  BOOST_TEST(here.nodes() == 0U);
  BOOST_TEST(here.comes_to_rest());
}

BOOST_AUTO_TEST_CASE(arguments_are_moved_in_and_destroyed_once) {
  const int mistakes = counted::mistakes();
  solo_shard here;
  BOOST_TEST(here.run(with_arguments(20ms)) == 7);
  BOOST_TEST(here.run(with_arguments(5ms)) == -1);
  BOOST_TEST(counted::alive() == 0U);
  BOOST_TEST(counted::mistakes() == mistakes);
}

BOOST_AUTO_TEST_CASE(every_primitive_reacts) {
  solo_shard here;
  const auto errors = here.run(every_primitive());
  BOOST_TEST(errors.size() == 6U);
  for (const auto& error : errors) BOOST_TEST((error == errc::timed_out));
  BOOST_TEST(here.nodes() == 0U);
  BOOST_TEST(here.comes_to_rest());
}

BOOST_AUTO_TEST_CASE(a_stop_of_the_caller_is_no_timeout) {
  solo_shard here;
  std::stop_source stop;
  result<int> value = 0;
  result<int> plain = 0;
  shoal::scope crew{no_failure};
  crew.spawn(keep(with_timeout(1h, stop.get_token(), &result_after, 1, duration{2h}), value));
  crew.spawn(keep(with_timeout(1h, stop.get_token(), &number_after, 1, duration{2h}), plain));
  run_ready(here);
  BOOST_TEST(crew.running() == 2U);
  stop.request_stop();
  run_ready(here);
  BOOST_TEST((value.error() == errc::cancelled));
  BOOST_TEST((plain.error() == errc::cancelled));
  // Before it began: the same.
  BOOST_TEST((here.run(with_timeout(1h, stop.get_token(), &result_after, 1, duration{2h})).error() == errc::cancelled));
}

// The push comes in the turn whose "expire timers" step ends the wait: what was promised before is kept.
BOOST_AUTO_TEST_CASE(a_push_in_the_turn_of_the_timeout_wins_and_one_after_it_is_not_lost) {
  for (const bool before : {true, false}) {
    solo_shard here;
    channel<int> both{1};
    numbers log;
    shoal::scope crew{no_failure};
    crew.spawn(pop_within(both, 10ms, log));
    here.machine().time += 10ms + tick;  // time is up, and nobody knows yet
    if (before) BOOST_TEST(both.try_push(5).has_value());
    here->turn(false);
    if (!before) BOOST_TEST(both.try_push(5).has_value());
    run_ready(here);
    BOOST_TEST((log == numbers{before ? 5 : -1}));
    BOOST_TEST(both.size() == (before ? 0U : 1U));
  }
}

// Granted in "expire timers" by a timer that fires before the limit's in the same step, and resumed a turn later.
BOOST_AUTO_TEST_CASE(what_was_granted_in_the_same_step_before_the_limit_is_kept) {
  struct pusher : shoal::timer {
    explicit pusher(channel<int>& into)
        : timer([](timer& t) noexcept { static_cast<void>(static_cast<pusher&>(t).both.try_push(6)); }), both(into) {}
    channel<int>& both;
  };
  for (const bool first : {true, false}) {
    solo_shard here;
    channel<int> both{1};
    numbers log;
    pusher push{both};
    shoal::scope crew{no_failure};
    if (first) here->timers().arm(push, here->now() + 10ms);
    crew.spawn(pop_within(both, 10ms, log));
    if (!first) here->timers().arm(push, here->now() + 10ms);  // fires after the limit's: in the order of arming
    while (crew.running() != 0) here.turn();
    BOOST_TEST((log == numbers{first ? 6 : -1}));
    BOOST_TEST(both.size() == (first ? 0U : 1U));
  }
}

BOOST_AUTO_TEST_CASE(no_value_is_lost_or_doubled_in_any_race) {
  for (std::uint64_t round = 0; round < seed_count(20); ++round) {
    std::mt19937_64 random{seed() + round};
    solo_shard here;
    channel<int> both{1 + random() % 3};
    tally seen;
    shoal::scope crew{no_failure};
    for (int i = 0; i < 4; ++i) {
      crew.spawn(random_pops(both, seen, random()));
      crew.spawn(random_pushes(both, seen, random()));
    }
    while (crew.running() != 0) here.turn();
    BOOST_TEST(seen.popped + seen.timed_out == 200);
    BOOST_TEST(seen.pushed == seen.popped + static_cast<int>(both.size()));
    BOOST_TEST(here.nodes() == 0U);
    BOOST_TEST(here.comes_to_rest());
  }
}

BOOST_AUTO_TEST_CASE(one_allocation_for_the_state_of_the_stop) {
  if (!counts_allocations()) return;
  solo_shard here;
  const auto before = allocations();
  for (int i = 0; i < 100; ++i) static_cast<void>(here.run(with_timeout(20ms, &number_after, 7, duration{10ms})));
  BOOST_TEST(allocations() == before + 100);
}

BOOST_AUTO_TEST_SUITE_END()
