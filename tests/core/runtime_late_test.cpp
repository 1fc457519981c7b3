// SPDX-License-Identifier: Apache-2.0
// Services that come and go while a runtime runs.
#include <shoal/core/runtime.hpp>
#include <shoal/core/sim/sim_host.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/core/sleep.hpp>
#include <tests/core/runtime_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using shoal::errc;
using shoal::instant;
using shoal::runtime;
using shoal::service_group;
using shoal::shard;
using shoal::task;
using shoal::test::journal;
using shoal::test::left_nothing;
using shoal::test::recording_service;
using shoal::test::small_runtime;
using namespace std::chrono_literals;

namespace {

task<> take_a_while(shard& here, instant) {
  shoal::sleep_until later{here.now() + 5ms};
  co_await later;
}

task<> until_the_deadline(shard&, instant deadline) {
  shoal::sleep_until later{deadline};
  co_await later;
}

/// Each line once per shard.
void is_on_all(const journal& lines, const std::string& what, std::size_t shards) {
  for (std::size_t i = 0; i < shards; ++i) {
    const std::string line = what + " " + std::to_string(i);
    BOOST_TEST(lines.count(line) == 1U, line);
  }
}

/// What `make` adds as a group.
template <class Make>
service_group grouped(runtime& r, Make make) {
  const runtime::grouping together{r};
  make();
  return together.id();
}

/// One service at the start, two that come while it runs and go again.
void come_and_go(runtime& r, journal& lines) {
  recording_service first{r, lines, "first"};
  BOOST_REQUIRE(r.start());
  std::unique_ptr<recording_service> early;
  std::unique_ptr<recording_service> late;
  const auto group = grouped(r, [&] {
    early = std::make_unique<recording_service>(r, lines, "a");
    late = std::make_unique<recording_service>(r, lines, "b");
  });
  early->on_stop = late->on_stop = take_a_while;
  BOOST_TEST(lines.count("a prepare") == 0U);
  BOOST_REQUIRE(r.start_added());
  is_on_all(lines, "b start", r.shards());
  r.stop_early(group, 1s, [&] {
    is_on_all(lines, "a stopped", r.shards());
    BOOST_TEST(lines.count("a finished") == 1U);
    BOOST_TEST(lines.count("first stop 0") == 0U);
    late.reset();
    early.reset();
    r.stop();
  });
  r.wait_for_signals();
  BOOST_TEST(early == nullptr);
  for (std::size_t i = 0; i < r.shards(); ++i) {
    const std::string shard = std::to_string(i);
    BOOST_TEST(lines.place_of("a start " + shard) < lines.place_of("b start " + shard));
    BOOST_TEST(lines.place_of("b stopped " + shard) < lines.place_of("a stop " + shard));
  }
  BOOST_TEST(lines.place_of("b finished") < lines.place_of("a finished"));
  is_on_all(lines, "first stop", r.shards());
  BOOST_TEST(left_nothing(r));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_late)

BOOST_AUTO_TEST_CASE(a_group_comes_and_goes_while_others_serve) {
  runtime r{small_runtime(2)};
  journal lines;
  come_and_go(r, lines);
}

BOOST_AUTO_TEST_CASE(a_group_comes_and_goes_on_a_simulated_host) {
  shoal::sim::world w{7};
  runtime r{small_runtime(3), w.add_host("10.0.0.1")};
  journal lines;
  come_and_go(r, lines);
}

BOOST_AUTO_TEST_CASE(one_that_cannot_be_prepared_is_never_started) {
  runtime r{small_runtime(2)};
  journal lines;
  BOOST_REQUIRE(r.start());
  {
    recording_service fine{r, lines, "fine"};
    recording_service port{r, lines, "port"};
    port.on_prepare = [] {
      return std::unexpected(shoal::start_failure{std::make_error_code(std::errc::address_in_use), "port 80"});
    };
    const auto group = r.start_added();
    BOOST_REQUIRE(!group);
    BOOST_TEST(group.error().what == "port 80");
    BOOST_TEST(lines.count("fine finished") == 1U);
    BOOST_TEST(lines.count("fine start 0") == 0U);
    recording_service other{r, lines, "other"};
    BOOST_REQUIRE(r.start_added());  // not those that were refused
    BOOST_TEST(lines.count("other start 0") == 1U);
    BOOST_TEST(lines.count("fine start 0") == 0U);
    r.stop();
    r.wait();
  }
  r.stop();
  r.wait();
}

BOOST_AUTO_TEST_CASE(one_that_throws_on_a_shard_is_stopped_where_it_started) {
  runtime r{small_runtime(3)};
  journal lines;
  BOOST_REQUIRE(r.start());
  {
    recording_service fine{r, lines, "fine"};
    recording_service bad{r, lines, "bad"};
    bad.on_start = [](shard& here) {
      if (here.id() == 1) throw std::runtime_error("no room");
    };
    const auto group = r.start_added();
    BOOST_REQUIRE(!group);
    BOOST_TEST(group.error().what == "shard 1: no room");
    is_on_all(lines, "fine stopped", 3);
    BOOST_TEST(lines.count("bad stopped 0") == 1U);
    BOOST_TEST(lines.count("bad stopped 1") == 0U);
    BOOST_TEST(lines.count("bad finished") == 1U);
  }
  r.stop();
  r.wait();
  BOOST_TEST(left_nothing(r));
}

BOOST_AUTO_TEST_CASE(a_stop_takes_along_who_is_leaving) {
  runtime r{small_runtime(2)};
  journal lines;
  BOOST_REQUIRE(r.start());
  std::unique_ptr<recording_service> slow;
  const auto group = grouped(r, [&] { slow = std::make_unique<recording_service>(r, lines, "slow"); });
  slow->on_stop = until_the_deadline;
  BOOST_REQUIRE(r.start_added());
  bool gone = false;
  r.stop_early(group, 50ms, [&] { gone = true; });
  r.stop();
  r.wait();
  BOOST_TEST(gone);
  is_on_all(lines, "slow stop", 2);
  is_on_all(lines, "slow stopped", 2);
  BOOST_TEST(lines.count("slow finished") == 1U);
}

BOOST_AUTO_TEST_CASE(who_leaves_hurries_with_the_others) {
  runtime r{small_runtime(2)};
  journal lines;
  BOOST_REQUIRE(r.start());
  std::unique_ptr<recording_service> slow;
  const auto group = grouped(r, [&] { slow = std::make_unique<recording_service>(r, lines, "slow"); });
  slow->on_stop = take_a_while;
  BOOST_REQUIRE(r.start_added());
  r.stop_early(group, 1s, [] {});
  r.stop_now();
  r.wait();
  BOOST_TEST(lines.count("slow finished") == 1U);
  is_on_all(lines, "slow stopped", 2);
}

BOOST_AUTO_TEST_CASE(nothing_starts_any_more_once_a_stop_is_wanted) {
  runtime r{small_runtime(2)};
  journal lines;
  BOOST_REQUIRE(r.start());
  recording_service late{r, lines, "late"};
  r.stop();
  const auto group = r.start_added();
  BOOST_REQUIRE(!group);
  BOOST_TEST((group.error().error == errc::stopped));
  r.wait();
  BOOST_TEST(lines.count("late start 0") == 0U);
}

BOOST_AUTO_TEST_CASE(what_came_late_starts_with_the_others_the_next_time) {
  runtime r{small_runtime(2)};
  journal lines;
  recording_service first{r, lines, "first"};
  BOOST_REQUIRE(r.start());
  recording_service late{r, lines, "late"};
  BOOST_REQUIRE(r.start_added());
  r.stop();
  r.wait();
  BOOST_TEST(lines.count("late finished") == 1U);
  BOOST_REQUIRE(r.start());
  BOOST_TEST(lines.count("late start 1") == 2U);
  r.stop();
  r.wait();
}

BOOST_AUTO_TEST_CASE(who_needs_newer_services_stops_before_them) {
  runtime r{small_runtime(2)};
  journal lines;
  recording_service old{r, lines, "old"};
  BOOST_REQUIRE(r.start());
  recording_service young{r, lines, "young"};
  BOOST_REQUIRE(r.start_added());
  r.stop_first(old);
  r.stop();
  r.wait();
  for (const char* shard : {"0", "1"}) {
    BOOST_TEST(lines.place_of(std::string{"old stopped "} + shard) <
               lines.place_of(std::string{"young stop "} + shard));
  }
  BOOST_TEST(lines.place_of("old finished") < lines.place_of("young finished"));
}

BOOST_AUTO_TEST_CASE(calls_run_on_the_thread_that_waits) {
  runtime r{small_runtime(1)};
  BOOST_REQUIRE(r.start());
  const auto waiting = std::this_thread::get_id();
  std::thread::id ran;
  std::thread other{[&] {
    r.call([&] {
      ran = std::this_thread::get_id();
      r.stop();
    });
  }};
  r.wait_for_signals();
  other.join();
  BOOST_TEST((ran == waiting));
  bool at_the_end = false;
  BOOST_REQUIRE(r.start());
  r.stop();
  r.call([&] { at_the_end = true; });
  r.wait();
  BOOST_TEST(at_the_end);
}

BOOST_AUTO_TEST_SUITE_END()
