// SPDX-License-Identifier: Apache-2.0
// Conformance of the pollers: sleeping, waking, and not being busy for nothing.
#include <shoal/core/poller/poller.hpp>
#include <tests/core/poller_rig.hpp>
#include <tests/skip.hpp>

#include <boost/test/unit_test.hpp>

#include <time.h>

#include <atomic>
#include <chrono>
#include <thread>

using shoal::instant;
using shoal::test::endpoint;
using shoal::test::pattern;
using shoal::test::rig;
using namespace std::chrono_literals;

namespace {

/// How many polls fit into a while, each asked to sleep for the rest of it.
template <class Backend>
int polls_within(rig<Backend>& r, shoal::duration length) {
  int polls = 0;
  for (const instant end = r.machine->now() + length; r.machine->now() < end; ++polls) r.io->poll(end, r.sleeper);
  return polls;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(poller_wait_suite)

SHOAL_POLLER_TEST(a_deadline_is_never_early_and_soon_enough) {
  rig<Backend> r;
  int late = 0;
  std::uint64_t interrupted = 0;  // by a stop of the process, or by what the kernel does for a ring that is gone
  for (int i = 0; i < 100; ++i) {
    const instant deadline = r.machine->now() + 1us * (i * i);  // to 10 ms, no whole milliseconds
    r.io->poll(deadline, r.sleeper);
    for (; r.machine->now() < deadline && interrupted < 100; ++interrupted) r.io->poll(deadline, r.sleeper);
    const instant woken = r.machine->now();
    if (woken - deadline > 5ms) ++late;
  }
  BOOST_TEST(late < 20);  // of a hundred, on a machine that may be busy
  BOOST_TEST(interrupted <= 5U);
  BOOST_TEST(r.io->counters().polls == 100U + interrupted);
}

SHOAL_POLLER_TEST(a_jump_of_the_system_clock_moves_no_deadline) {
  rig<Backend> r;
  for (const shoal::duration jump : {-1h, 1h, -1h, 1h}) {
    const auto wall_before = r.machine->wall_time();
    const instant start = r.machine->now();
    const instant deadline = start + 3ms;
    if (Backend::jump_wall_clock(*r.machine, jump)) {
      BOOST_TEST((std::chrono::abs(r.machine->wall_time() - wall_before) > 59min));
    } else {
      // A test can't set this machine's clock. That deadlines go by the one which is never set must do.
      timespec time{};
      BOOST_REQUIRE(::clock_gettime(CLOCK_MONOTONIC, &time) == 0);
      const instant monotonic{std::chrono::seconds{time.tv_sec} + shoal::duration{time.tv_nsec}};
      BOOST_TEST((monotonic >= start));
      BOOST_TEST((monotonic <= r.machine->now()));
    }
    // A process that is stopped and goes on comes back early, once.
    int polls = 0;
    for (; r.machine->now() < deadline && polls < 5; ++polls) r.io->poll(deadline, r.sleeper);
    BOOST_TEST(polls <= 2);
    BOOST_TEST((r.machine->now() - start < 20s));
  }
}

SHOAL_POLLER_TEST(a_deadline_in_the_past_does_not_block) {
  rig<Backend> r;
  const instant start = r.machine->now();
  for (int i = 0; i < 1'000; ++i) {
    r.io->poll(instant::min(), r.sleeper);
    r.io->poll(start - 1s, r.sleeper);
  }
  BOOST_TEST((r.machine->now() - start < 5s));
}

SHOAL_POLLER_TEST(the_sleeper_has_the_last_word) {
  rig<Backend> r;
  r.sleeper.has_work = true;
  const instant start = r.machine->now();
  for (int i = 0; i < 100; ++i) r.io->poll(start + 1h, r.sleeper);
  BOOST_TEST((r.machine->now() - start < 60s));
  BOOST_TEST(r.sleeper.asked == 100);
  r.sleeper.has_work = false;
}

SHOAL_POLLER_TEST(what_is_owed_keeps_it_awake) {
  rig<Backend> r;
  auto [left, right] = r.connect();
  right.window = 10;
  r.send(left, pattern(100));
  BOOST_REQUIRE(r.until([&, &from = left] { return from.sent == 100; }));
  r.io->receive(right, true);
  // One event, ten portions or more: none of these may wait for another event.
  const instant start = r.machine->now();
  for (int i = 0; i < 200 && right.received.size() < 100; ++i) r.io->poll(r.machine->now() + 30s, r.sleeper);
  BOOST_TEST(right.received.size() == 100U);
  right.on_retired = [&] { r.sleeper.has_work = true; };  // as a shard would say after a report
  r.retire(right);
  for (int i = 0; i < 5 && right.times_retired == 0; ++i) r.io->poll(r.machine->now() + 30s, r.sleeper);
  r.sleeper.has_work = false;
  BOOST_TEST(right.times_retired == 1);
  BOOST_TEST((r.machine->now() - start < 20s));
}

SHOAL_POLLER_TEST(bytes_end_a_sleep) {
  rig<Backend> r;
  auto [left, right] = r.connect();
  r.io->receive(right, true);
  r.steps(3);
  r.send(left, "wake up");
  const instant start = r.machine->now();
  while (right.received.empty()) r.io->poll(shoal::never, r.sleeper);
  BOOST_TEST((r.machine->now() - start < 20s));
}

SHOAL_POLLER_TEST(nothing_wanted_is_nothing_done) {
  rig<Backend> r;
  BOOST_TEST(polls_within(r, 100ms) < 10);
  {
    auto [left, right] = r.connect();
    r.steps(5);
    BOOST_TEST(polls_within(r, 100ms) < 10);  // idle connections
    r.send(left, pattern(1'000));
    BOOST_REQUIRE(r.until([&, &from = left] { return from.sent == 1'000; }));
    r.steps(5);
    BOOST_TEST(polls_within(r, 100ms) < 10);  // bytes that nobody wants
    right.window = 0;
    r.io->receive(right, true);
    r.steps(5);
    BOOST_TEST(polls_within(r, 100ms) < 10);  // bytes that there is no room for
    r.machine->shutdown_socket(left.fd(), shoal::shutdown_side::write);
    r.steps(5);
    BOOST_TEST(polls_within(r, 100ms) < 10);  // an end that nobody looks at
    right.window = 10'000;
    r.io->receive(right, true);
    BOOST_REQUIRE(r.until([&, &to = right] { return !to.hang_ups.empty(); }));
    r.io->receive(right, true);
    r.steps(5);
    BOOST_TEST(polls_within(r, 100ms) < 10);  // an end that was reported
    BOOST_TEST(right.hang_ups.size() == 1U);
  }
  {
    auto [left, right] = r.connect();
    r.machine->abort_socket(left.fd());
    r.io->receive(right, true);
    BOOST_REQUIRE(r.until([&, &to = right] { return !to.hang_ups.empty(); }));
    r.send(right, "into the void");
    r.steps(5);
    BOOST_TEST(polls_within(r, 100ms) < 10);  // a reset that was reported
  }
}

SHOAL_POLLER_TEST(a_full_socket_is_not_polled_in_a_circle) {
  rig<Backend> r;
  auto [left, right] = r.connect();
  left.piece = 1U << 20U;
  r.send(left, pattern(std::size_t{16} << 20U));
  r.steps(200);
  BOOST_REQUIRE(left.sent < left.output.size());
  BOOST_TEST(polls_within(r, 100ms) < 10);
  // And it goes on when there is room.
  right.window = 1U << 20U;
  r.io->receive(right, true);
  BOOST_TEST(r.arrives(left, right));
  BOOST_TEST((right.received == left.output));
}

SHOAL_POLLER_TEST(a_wake_ends_the_sleep_or_the_next_one_and_no_other) {
  rig<Backend> r;
  r.io->wake();
  r.io->wake();
  const instant start = r.machine->now();
  r.io->poll(start + 30s, r.sleeper);
  BOOST_TEST((r.machine->now() - start < 20s));
  r.step();
  BOOST_TEST(polls_within(r, 100ms) < 10);
}

SHOAL_POLLER_TEST(a_wake_from_another_thread) {
  if constexpr (!Backend::threaded) SHOAL_SKIP("one thread steps all");
  rig<Backend> r;
  constexpr int rounds = 2'000;
  std::atomic<int> asked{0};
  std::atomic<int> answered{0};
  std::thread waker([&] {
    for (int i = 1; i <= rounds; ++i) {
      asked = i;
      r.io->wake();
      while (answered < i) std::this_thread::yield();
    }
  });
  const instant start = r.machine->now();
  int overslept = 0;
  for (int seen = 0; seen < rounds;) {
    const instant before = r.machine->now();
    r.io->poll(before + 20s, r.sleeper);
    if (r.machine->now() - before > 10s) ++overslept;
    seen = asked;
    answered = seen;
  }
  waker.join();
  BOOST_TEST(overslept == 0);
  BOOST_TEST((r.machine->now() - start < 60s));
}

BOOST_AUTO_TEST_SUITE_END()
