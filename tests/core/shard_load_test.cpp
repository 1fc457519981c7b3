// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/shard_load.hpp>

#include <shoal/core/maybe_yield.hpp>
#include <shoal/core/sleep.hpp>
#include <tests/core/runtime_rig.hpp>
#include <tests/core/solo_shard.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>

using shoal::duration;
using shoal::load_smoothing;
using shoal::load_snapshot;
using shoal::load_window;
using shoal::run_item;
using shoal::shard;
using shoal::task;
using shoal::test::solo_shard;
using namespace std::chrono_literals;

namespace {

/// Does something in the "run tasks" step.
struct job : run_item {
  explicit job(std::function<void()> does)
      : run_item([](run_item& item) { static_cast<job&>(item).work(); }), work(std::move(does)) {}
  std::function<void()> work;
};

struct stage {
  solo_shard here{1s};  // it spins: nothing but the test moves the clock

  [[nodiscard]] load_snapshot seen(duration later = duration::zero()) {
    return here->load().at(here.machine().time + later);
  }
  void work_for(duration length) {
    job one{[&] { here->burn(length); }};
    here->schedule(one);
    here.turn();
  }
  void spin_for(duration length) {
    here.machine().time += length;
    here.turn();
  }
};

const auto nearly = boost::test_tools::tolerance(0.03);

task<> burn_in_slices(duration total) {
  for (duration done{}; done < total; done += 1ms) {
    shard::current().burn(1ms);
    co_await shoal::maybe_yield();
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(shard_load_suite)

BOOST_AUTO_TEST_CASE(busy_is_the_share_of_the_turns_that_worked) {
  stage s;
  for (int i = 0; i < 500; ++i) {
    s.work_for(1ms);
    s.spin_for(0ms);
    s.spin_for(3ms);
  }
  BOOST_TEST(s.seen().busy == 0.25, nearly);
  BOOST_TEST(s.seen().smoothed == 0.25, nearly);
  BOOST_TEST((s.seen().busy_time == 500ms));
  BOOST_TEST((s.seen().queue_delay == 1ms));
}

BOOST_AUTO_TEST_CASE(a_burst_is_seen_before_its_window_is_over) {
  stage s;
  for (int i = 0; i < 100; ++i) s.spin_for(1ms);
  for (int i = 0; i < 5; ++i) s.work_for(2ms);
  s.spin_for(0ms);
  BOOST_TEST(s.seen().busy == 0.2, nearly);
  BOOST_TEST(s.seen().smoothed == 0.04, nearly);
}

BOOST_AUTO_TEST_CASE(spinning_without_work_is_idle) {
  stage s;
  for (int i = 0; i < 2000; ++i) s.spin_for(100us);
  BOOST_TEST(s.seen().busy == 0.0);
  BOOST_TEST(s.seen().smoothed == 0.0);
  BOOST_TEST((s.seen().busy_time == 0ms));
}

BOOST_AUTO_TEST_CASE(a_shard_that_only_works_is_fully_busy) {
  stage s;
  for (int i = 0; i < 5000; ++i) s.work_for(200us);
  s.spin_for(0ms);
  BOOST_TEST(s.seen().busy == 1.0, nearly);
  BOOST_TEST(s.seen().smoothed == 1.0, boost::test_tools::tolerance(0.02));
}

BOOST_AUTO_TEST_CASE(what_sleeps_reads_as_idle_though_it_does_nothing_for_it) {
  solo_shard here;
  for (int i = 0; i < 500; ++i) {
    job one{[&] { here->burn(1ms); }};
    here->schedule(one);
    here.turn();
  }
  const auto before = here->load().at(here.machine().time);
  BOOST_TEST(before.busy == 1.0, nearly);
  bool slept = false;
  here.machine().on_sleep = [&] {  // the shard lies in its poll: look at it from elsewhere
    if (std::exchange(slept, true)) return;
    const auto at = [&](duration later) { return here->load().at(here.machine().time + later); };
    BOOST_TEST(at(0ms).busy == 1.0, nearly);
    BOOST_TEST(at(load_window / 2).busy == 0.5, nearly);
    BOOST_TEST(at(load_window).busy == 0.0);
    BOOST_TEST(at(load_smoothing / 2).smoothed == before.smoothed / 2, boost::test_tools::tolerance(0.05));
    BOOST_TEST(at(1s).smoothed == 0.0);
    BOOST_TEST((at(0ms).queue_delay == 1ms));
    BOOST_TEST((at(1s).queue_delay == 0ms));
    BOOST_TEST((at(1s).busy_time == 500ms));  // what ended in the sleep is counted before it
    here.machine().time += 1s;
  };
  here.turn();
  BOOST_TEST(slept);
  BOOST_TEST(here->load().at(here.machine().time).busy < 0.06);  // the window holds the sleep
}

BOOST_AUTO_TEST_CASE(what_is_stuck_in_a_turn_reads_as_busy_at_once) {
  stage s;
  s.spin_for(100ms);
  job one{[&] {
    BOOST_TEST(s.seen().busy == 0.0);
    BOOST_TEST(s.seen(load_window / 2).busy == 0.5, nearly);
    BOOST_TEST(s.seen(load_window).busy == 1.0);
    BOOST_TEST((s.seen(load_window).queue_delay == load_window));
  }};
  s.here->schedule(one);
  s.here.turn();
}

BOOST_AUTO_TEST_CASE(the_delay_is_the_turn_that_a_busy_moment_falls_into) {
  stage s;
  for (int i = 0; i < 30; ++i) s.work_for(1ms);
  s.work_for(20ms);
  s.spin_for(0ms);
  BOOST_TEST((s.seen().queue_delay == 8600us));  // (30 * 1 * 1 + 20 * 20) / 50
}

BOOST_AUTO_TEST_CASE(connections_are_counted) {
  stage s;
  s.here->load().connection_opened();
  s.here->load().connection_opened();
  s.here->load().connection_closed();
  BOOST_TEST(s.seen().connections == 1U);
}

BOOST_AUTO_TEST_CASE(a_look_from_before_the_last_poll_is_a_look_at_it) {
  stage s;
  s.spin_for(1s);
  BOOST_TEST(s.seen(-500ms).busy == 0.0);
}

BOOST_AUTO_TEST_CASE(each_shard_of_a_runtime_is_seen_by_the_others) {
  shoal::runtime r{shoal::test::small_runtime(2)};
  BOOST_REQUIRE(r.start().has_value());
  shoal::test::run_task(r, 0, [] { return burn_in_slices(150ms); }).get();
  const auto [first, second] = r.post(1, [&] {
                                  const auto now = shard::current().machine().now();
                                  return std::pair{r.load_of(0).at(now), r.load_of(1).at(now)};
                                }).get();
  BOOST_TEST((first.busy_time >= 149ms));  // the last turn may still go on
  BOOST_TEST((second.busy_time < first.busy_time));
  BOOST_TEST(first.smoothed > 0.1);
  r.stop();
  r.wait();
}

BOOST_AUTO_TEST_SUITE_END()
