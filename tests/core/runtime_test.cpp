// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/runtime.hpp>

#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <shoal/core/topology.hpp>
#include <tests/core/runtime_rig.hpp>
#include <tests/skip.hpp>

#include <boost/test/unit_test.hpp>

#include <pthread.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>

using shoal::errc;
using shoal::poller_kind;
using shoal::runtime;
using shoal::shard;
using shoal::shard_id;
using shoal::start_failure;
using shoal::submit_to;
using shoal::task;
using shoal::test::journal;
using shoal::test::left_nothing;
using shoal::test::recording_service;
using shoal::test::run_task;
using shoal::test::small_runtime;
using shoal::test::was_refused;
using namespace std::chrono_literals;

namespace {

using words = std::vector<std::string>;

shard_id where() { return shard::current().id(); }

task<int> round_trips(shard_id to, int count) {
  int right = 0;
  for (int i = 0; i < count; ++i) {
    const shard_id id = co_await submit_to(to, &where);
    right += id == to ? 1 : 0;
  }
  co_return right;
}

std::string thread_name() {
  std::array<char, 16> name{};
  pthread_getname_np(pthread_self(), name.data(), name.size());
  return name.data();
}

std::vector<unsigned> cpus_of_this_thread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_suite)

BOOST_AUTO_TEST_CASE(starts_and_stops_a_hundred_times) {
  runtime r{small_runtime(2)};
  int right = 0;
  for (int i = 0; i < 100; ++i) {
    BOOST_REQUIRE(r.start().has_value());
    if (i % 2 == 0) right += run_task(r, 0, [] { return round_trips(1, 1); }).get();
    r.stop();
    r.wait();
    BOOST_REQUIRE(left_nothing(r));
  }
  BOOST_TEST(right == 50);
}

BOOST_AUTO_TEST_CASE(several_in_one_process_do_not_know_each_other) {
  std::vector<std::unique_ptr<runtime>> all;
  for (unsigned shards = 1; shards <= 3; ++shards) {
    all.push_back(std::make_unique<runtime>(small_runtime(shards)));
    BOOST_REQUIRE(all.back()->start().has_value());
  }
  std::vector<std::future<int>> results;
  for (auto& r : all) {
    const auto last = static_cast<shard_id>(r->shards() - 1);
    results.push_back(run_task(*r, 0, [last] { return round_trips(last, 100); }));
  }
  for (auto& result : results) BOOST_TEST(result.get() == 100);
  all[1]->stop();
  all[1]->wait();
  BOOST_TEST(run_task(*all[2], 2, [] { return round_trips(0, 10); }).get() == 10);
  BOOST_TEST(run_task(*all[0], 0, [] { return round_trips(0, 10); }).get() == 10);
  auto late = all[1]->post(0, [] {});
  BOOST_TEST(was_refused(late));
}

BOOST_AUTO_TEST_CASE(the_destructor_stops_what_runs) {
  journal lines;
  runtime r{small_runtime(2)};
  recording_service one{r, lines, "one"};
  {
    runtime inner{small_runtime(2)};
    recording_service two{inner, lines, "two"};
    BOOST_REQUIRE(inner.start().has_value());
    inner.stop_now();
    inner.wait();
  }
  BOOST_TEST(lines.count("two finished") == 1U);
  {
    runtime inner{small_runtime(2)};
    BOOST_REQUIRE(inner.start().has_value());
  }
  BOOST_TEST(lines.count("one prepare") == 0U);
}

BOOST_AUTO_TEST_CASE(services_start_in_order_and_stop_in_reverse) {
  journal lines;
  runtime r{small_runtime(2)};
  recording_service first{r, lines, "first"};
  recording_service second{r, lines, "second"};
  BOOST_REQUIRE(r.start().has_value());
  r.stop();
  r.wait();
  BOOST_TEST(lines.lines().size() == 16U);  // of each: prepare, start, stop and stopped on two shards, finished
  const auto before = [&](const std::string& a, const std::string& b) {
    BOOST_TEST(lines.count(a) == 1U, a);
    BOOST_TEST(lines.count(b) == 1U, b);
    BOOST_TEST(lines.place_of(a) < lines.place_of(b), a << " before " << b);
  };
  before("first prepare", "second prepare");
  for (const std::string shard : {"0", "1"}) {
    before("second prepare", "first start " + shard);
    before("first start " + shard, "second start " + shard);
    before("second start " + shard, "second stop " + shard);
    before("second stop " + shard, "second stopped " + shard);
    before("second stopped " + shard, "first stop " + shard);
    before("first stopped " + shard, "second finished");
  }
  before("second finished", "first finished");
  BOOST_TEST(lines.count("first hurry 0") == 0U);
}

BOOST_AUTO_TEST_CASE(start_returns_when_every_service_runs_on_every_shard) {
  for (int i = 0; i < 20; ++i) {
    journal lines;
    runtime r{small_runtime(3)};
    recording_service s{r, lines, "s"};
    s.on_start = [](shard& here) {
      if (here.id() == 2) std::this_thread::yield();
    };
    BOOST_REQUIRE(r.start().has_value());
    for (const std::string shard : {"0", "1", "2"}) BOOST_TEST(lines.count("s start " + shard) == 1U);
    r.stop();
    r.wait();
  }
}

BOOST_AUTO_TEST_CASE(a_prepare_that_fails_names_what_and_starts_nothing) {
  journal lines;
  runtime r{small_runtime(2)};
  recording_service first{r, lines, "first"};
  recording_service second{r, lines, "second"};
  recording_service third{r, lines, "third"};
  bool fails = true;
  second.on_prepare = [&]() -> std::expected<void, start_failure> {
    if (fails) return std::unexpected(start_failure{errc::address_in_use, "listener 127.0.0.1:80"});
    return {};
  };
  const auto started = r.start();
  BOOST_REQUIRE(!started.has_value());
  BOOST_TEST((started.error().error == errc::address_in_use));
  BOOST_TEST(started.error().what == "listener 127.0.0.1:80");
  BOOST_TEST((lines.lines() == words{"first prepare", "second prepare", "second finished", "first finished"}));
  auto refused = r.post(0, [] {});
  BOOST_TEST(was_refused(refused));
  // What failed once may be repaired.
  fails = false;
  BOOST_REQUIRE(r.start().has_value());
  r.stop();
  r.wait();
  BOOST_TEST(lines.count("third finished") == 1U);
}

BOOST_AUTO_TEST_CASE(a_service_that_throws_fails_the_start_and_those_before_it_are_stopped) {
  journal lines;
  runtime r{small_runtime(3)};
  const recording_service first{r, lines, "first"};
  recording_service second{r, lines, "second"};
  const recording_service third{r, lines, "third"};
  second.on_start = [](const shard& here) {
    if (here.id() == 1) throw std::system_error(make_error_code(errc::no_memory), "no room");
  };
  for (int round = 1; round <= 2; ++round) {
    const auto started = r.start();
    BOOST_REQUIRE(!started.has_value());
    BOOST_TEST((started.error().error == errc::no_memory));
    BOOST_TEST(started.error().what.starts_with("shard 1: no room"));
    BOOST_TEST(lines.count("second start 1") == round);
    for (const char* line : {"first hurry 1", "first stopped 1", "first stopped 0", "first stopped 2"}) {
      BOOST_TEST(lines.count(line) == round, line);
    }
    for (const char* line : {"second stop 1", "third start 1", "third stop 1"})
      BOOST_TEST(lines.count(line) == 0, line);
    for (const char* line : {"first finished", "third finished"}) BOOST_TEST(lines.count(line) == round, line);
    BOOST_TEST(lines.place_of("second stopped 0") < lines.place_of("first stopped 0"));
  }
  second.on_start = {};
  BOOST_REQUIRE(r.start().has_value());
  r.stop();
  r.wait();
  BOOST_TEST(left_nothing(r));
}

BOOST_AUTO_TEST_CASE(run_logs_why_it_could_not_start_and_returns_1) {
  shoal::log_collector log;
  journal lines;
  runtime r{small_runtime(1, &log)};
  recording_service s{r, lines, "s"};
  s.on_prepare = [] {
    return std::expected<void, start_failure>{std::unexpected(start_failure{errc::address_in_use, "listener :80"})};
  };
  BOOST_TEST(r.run() == 1);
  const auto logged = log.take();
  BOOST_REQUIRE(logged.size() == 1U);
  BOOST_TEST(logged.front().find("listener :80") != std::string::npos, logged.front());
  BOOST_TEST(logged.front().find(make_error_code(errc::address_in_use).message()) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_planned_or_built_fails_the_start_with_its_name) {
  auto impossible = small_runtime(1);
  impossible.shards.cpus = {100'000};
  runtime unplanned{impossible};
  const auto no_plan = unplanned.start();
  BOOST_REQUIRE(!no_plan.has_value());
  BOOST_TEST(no_plan.error().what.find("cpus") != std::string::npos, no_plan.error().what);

  auto unpollable = small_runtime(2);
  unpollable.poller = poller_kind::simulated;
  journal lines;
  runtime unbuilt{unpollable};
  recording_service s{unbuilt, lines, "s"};
  for (int i = 0; i < 3; ++i) {
    const auto no_poller = unbuilt.start();
    BOOST_REQUIRE(!no_poller.has_value());
    BOOST_TEST((no_poller.error().error == errc::not_supported));
    BOOST_TEST(no_poller.error().what.find("poller") != std::string::npos, no_poller.error().what);
  }
  BOOST_TEST(lines.count("s start 0") == 0U);
  BOOST_TEST(lines.count("s finished") == 3U);
}

BOOST_AUTO_TEST_CASE(no_thread_to_be_had_fails_the_start) {
  pthread_attr_t usual;
  BOOST_REQUIRE(pthread_getattr_default_np(&usual) == 0);
  pthread_attr_t impossible = usual;
  BOOST_REQUIRE(pthread_attr_setstacksize(&impossible, std::size_t{1} << 50) == 0);
  runtime r{small_runtime(2)};
  BOOST_REQUIRE(pthread_setattr_default_np(&impossible) == 0);
  const auto started = r.start();
  BOOST_REQUIRE(pthread_setattr_default_np(&usual) == 0);
  BOOST_REQUIRE(!started.has_value());
  BOOST_TEST(started.error().what.find("thread") != std::string::npos, started.error().what);
  BOOST_REQUIRE(r.start().has_value());
  r.stop();
  r.wait();
}

BOOST_AUTO_TEST_CASE(threads_have_their_names_and_stay_on_their_cpus) {
  const auto usable = cpus_of_this_thread();
  if (usable.size() < 2) SHOAL_SKIP("one CPU: nothing to be pinned apart");
  auto options = small_runtime(2);
  options.shards.cpus = {usable[0], usable[1]};
  options.shards.pin = shoal::pin_mode::on;
  runtime r{options};
  BOOST_REQUIRE(r.start().has_value());
  for (shard_id id = 0; id < 2; ++id) {
    BOOST_TEST(r.post(id, &thread_name).get() == "shoal-" + std::to_string(id));
    const auto& planned = r.plan().shards[id];
    BOOST_TEST(planned.pinned);
    BOOST_TEST((r.post(id, &cpus_of_this_thread).get() == std::vector<unsigned>{planned.cpu}));
  }
  r.stop();
  r.wait();
  BOOST_TEST((r.reports()[1].where == r.plan().shards[1]));
  BOOST_TEST((cpus_of_this_thread() == usable));
}

BOOST_AUTO_TEST_CASE(unpinned_shards_may_run_where_the_program_may) {
  const auto usable = cpus_of_this_thread();
  runtime r{small_runtime(1)};
  BOOST_REQUIRE(r.start().has_value());
  BOOST_TEST((r.post(0, &cpus_of_this_thread).get() == usable));
}

BOOST_AUTO_TEST_CASE(reports_say_what_each_shard_did) {
  auto options = small_runtime(2);
  options.poller = poller_kind::epoll;
  runtime r{options};
  BOOST_REQUIRE(r.start().has_value());
  BOOST_TEST(r.reports()[0].poller_name == "epoll");
  BOOST_TEST(!r.reports()[0].poller_reason.empty());
  BOOST_TEST(run_task(r, 0, [] { return round_trips(1, 100); }).get() == 100);
  r.stop();
  r.wait();
  const auto& reports = r.reports();
  BOOST_REQUIRE(reports.size() == 2U);
  BOOST_TEST(reports[0].mail.sent == 100U);
  BOOST_TEST(reports[0].mail.replies == 100U);
  BOOST_TEST(reports[1].mail.received == 100U);
  BOOST_TEST(reports[0].turn.turns > 0U);
  BOOST_TEST(reports[0].io.polls >= reports[0].turn.turns);
  BOOST_TEST(left_nothing(r));
}

BOOST_AUTO_TEST_CASE(an_idle_runtime_sleeps) {
  runtime r{small_runtime(2)};
  BOOST_REQUIRE(r.start().has_value());
  // Nothing but the posts themselves may turn the shard: a busy loop would make thousands of turns between them.
  const auto turns = [&] { return r.post(1, [] { return shard::current().counters().turns; }).get(); };
  const auto first = turns();
  for (int i = 0; i < 50; ++i) std::this_thread::sleep_for(1ms);
  const auto last = turns();
  BOOST_TEST(last - first < 20U);
}

BOOST_AUTO_TEST_SUITE_END()
