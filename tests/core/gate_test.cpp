// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/gate.hpp>

#include <shoal/core/sleep.hpp>
#include <tests/core/allocations.hpp>
#include <tests/core/death.hpp>
#include <tests/core/sync_rig.hpp>

#include <optional>

using shoal::errc;
using shoal::gate;
using shoal::scope;
using shoal::task;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

task<> visit(gate& g, shoal::duration length, numbers& log, int number) {
  const auto inside = g.enter();
  if (!inside) {
    log.push_back(-number);
    co_return;
  }
  co_await shoal::sleep_for(length);
  log.push_back(number);
}

task<> close(gate& g, numbers& log, int number) {
  co_await g.close();
  log.push_back(number);
}

task<> close_until(gate& g, std::stop_token stop, numbers& log, int number) {
  const auto closed = co_await g.close(stop);
  if (closed) {
    log.push_back(number);
  } else {
    log.push_back(closed.error() == errc::cancelled ? -number : 0);
  }
}

loose close_loosely(gate& g, numbers& log, int number) {
  co_await g.close();
  log.push_back(number);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gate_suite)

BOOST_AUTO_TEST_CASE(close_waits_until_all_have_left) {
  solo_shard here;
  gate g;
  numbers log;
  scope crew{no_failure};
  crew.spawn(visit(g, 20ms, log, 2));
  crew.spawn(visit(g, 10ms, log, 1));
  BOOST_TEST(g.holders() == 2U);
  crew.spawn(close(g, log, 3));
  crew.spawn(close(g, log, 4));
  crew.spawn(visit(g, 1ms, log, 5));  // too late
  while (crew.running() != 0) here.turn();
  BOOST_TEST((log == numbers{-5, 1, 2, 3, 4}));
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(close_is_ready_when_nobody_is_inside) {
  solo_shard here;
  gate g;
  numbers log;
  here.run(close(g, log, 1));
  BOOST_TEST((log == numbers{1}));
  BOOST_TEST(here->counters().turns == 0U);
  BOOST_TEST((g.enter().error() == errc::closed));
}

BOOST_AUTO_TEST_CASE(close_closes_whether_awaited_or_not) {
  solo_shard here;
  gate g;
  static_cast<void>(g.close());
  BOOST_TEST(g.is_closed());
  BOOST_TEST(!g.enter().has_value());
}

BOOST_AUTO_TEST_CASE(leaving_runs_nobody_inside_itself) {
  solo_shard here;
  gate g;
  numbers log;
  scope crew{no_failure};
  auto inside = *g.enter();
  auto moved = std::move(inside);
  crew.spawn(close(g, log, 1));
  inside.leave();
  BOOST_TEST(g.holders() == 1U);
  moved.leave();
  moved.leave();
  BOOST_TEST(log.empty());
  run_ready(here);
  BOOST_TEST((log == numbers{1}));
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_wait_and_the_gate_stays_closed) {
  solo_shard here;
  gate g;
  numbers log;
  std::stop_source stop;
  scope crew{no_failure};
  auto inside = *g.enter();
  crew.spawn(close_until(g, stop.get_token(), log, 1));
  crew.spawn(close_until(g, {}, log, 2));
  stop.request_stop();
  run_ready(here);
  BOOST_TEST((log == numbers{-1}));
  BOOST_TEST(!g.enter().has_value());
  inside.leave();
  run_ready(here);
  BOOST_TEST((log == numbers{-1, 2}));
}

BOOST_AUTO_TEST_CASE(a_frame_that_waits_may_go) {
  solo_shard here;
  gate g;
  numbers log;
  auto inside = *g.enter();
  auto first = close_loosely(g, log, 1);
  auto second = close_loosely(g, log, 2);
  auto third = close_loosely(g, log, 3);
  first.destroy();  // in line
  inside.leave();
  second.destroy();  // in the run queue
  run_ready(here);
  BOOST_TEST((log == numbers{3}));
}

BOOST_AUTO_TEST_CASE(going_while_somebody_is_inside_ends_the_program) {
  BOOST_TEST(aborts([] {
    const solo_shard here;
    std::optional<gate> g{std::in_place};
    const auto inside = g->enter();
    g.reset();
  }));
}

BOOST_AUTO_TEST_CASE(entering_and_leaving_allocates_nothing) {
  solo_shard here;
  gate g;
  const auto before = allocations();
  const auto nodes = here.nodes();
  int both = 0;
  for (int i = 0; i < 1'000; ++i) {
    const auto first = g.enter();
    const auto second = g.enter();
    if (g.holders() == 2U) ++both;
  }
  BOOST_TEST(allocations() == before);
  BOOST_TEST(both == 1'000);
  BOOST_TEST(g.holders() == 0U);
  BOOST_TEST(here.nodes() == nodes);
}

BOOST_AUTO_TEST_SUITE_END()
