// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/maybe_yield.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/stall_watch.hpp>
#include <tests/core/runtime_rig.hpp>
#include <tests/core/solo_shard.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

using shoal::duration;
using shoal::instant;
using shoal::maybe_yield;
using shoal::runtime;
using shoal::shard;
using shoal::task;
using namespace shoal::test;
using namespace std::chrono_literals;

// Outside of the anonymous namespace and never inlined: the test looks for its name.
[[gnu::noinline]] void planted_busy_loop(shoal::host& machine, duration length) {
  const instant end = machine.now() + length;
  while (machine.now() < end) {
  }
}

namespace {

task<> stall(duration length) {
  shard::current().note_hook("on_request");
  planted_busy_loop(shard::current().machine(), length);
  shard::current().note_hook(nullptr);
  co_return;
}

/// Busy until `*done`, in pieces of about 50 us, yielding in between.
task<int> long_work(const bool* done) {
  int rounds = 0;
  while (!*done) {
    planted_busy_loop(shard::current().machine(), 50us);
    ++rounds;
    co_await maybe_yield();
  }
  co_return rounds;
}

/// The longest time between two looks at the clock, 1 ms apart, while `work` goes on beside.
task<duration> longest_gap(bool* done, int looks) {
  duration longest{};
  for (int i = 0; i < looks; ++i) {
    const instant wanted = shard::current().now() + 1ms;
    co_await shoal::sleep_until(wanted);
    longest = std::max(longest, shard::current().machine().now() - wanted);
  }
  *done = true;
  co_return longest;
}

std::vector<std::string> stalls_in(shoal::log_collector& log) {
  auto lines = log.take();
  std::erase_if(lines, [](const std::string& line) { return line.find(" held for ") == std::string::npos; });
  return lines;
}

/// Open files of this process.
std::ptrdiff_t open_files() {
  return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, std::filesystem::directory_iterator{});
}

bool contains(const std::string& line, const char* part) { return line.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(stalls)

BOOST_AUTO_TEST_CASE(a_planted_busy_loop_is_reported_with_the_functions_name) {
  shoal::log_collector log;
  auto options = small_runtime(1, &log);
  options.stall.signal = SIGURG;
  runtime r{options};
  const auto files = open_files();
  BOOST_REQUIRE(r.start().has_value());
  run_task(r, 0, [] { return stall(50ms); }).get();
  r.stop();
  r.wait();
  BOOST_TEST(open_files() == files);  // those the names come from are closed again
  const auto lines = stalls_in(log);
  BOOST_REQUIRE(lines.size() == 1U);
  BOOST_TEST_INFO(lines.front());
  BOOST_TEST(contains(lines.front(), "shard 0 was held for "));
  BOOST_TEST(contains(lines.front(), "by \"drain mail\", on_request"));
  BOOST_TEST(contains(lines.front(), "planted_busy_loop"));
}

BOOST_AUTO_TEST_CASE(without_a_signal_the_step_and_the_duration_are_told) {
  shoal::log_collector log;
  auto options = small_runtime(1, &log);
  options.stall.report = 5ms;
  runtime r{options};
  BOOST_REQUIRE(r.start().has_value());
  run_task(r, 0, [] { return stall(40ms); }).get();
  r.stop();
  r.wait();
  const auto lines = stalls_in(log);
  BOOST_REQUIRE(lines.size() == 1U);
  BOOST_TEST(contains(lines.front(), "on_request"));
  BOOST_TEST(!contains(lines.front(), "planted_busy_loop"));
}

BOOST_AUTO_TEST_CASE(many_stalls_are_one_line_and_a_count) {
  shoal::log_collector log;
  auto options = small_runtime(1, &log);
  options.stall.report = 4ms;
  runtime r{options};
  BOOST_REQUIRE(r.start().has_value());
  const auto counts = [](const std::string& line) { return contains(line, " more before)"); };
  std::vector<std::string> lines;
  const auto began = std::chrono::steady_clock::now();
  auto elapsed = began - began;
  // Until the gate has opened again, after a second, and told how many it kept back. A watch that gets no time of the
  // machine misses some.
  while (std::ranges::none_of(lines, counts) && elapsed < 30s) {
    run_task(r, 0, [] { return stall(20ms); }).get();
    std::ranges::move(stalls_in(log), std::back_inserter(lines));
    elapsed = std::chrono::steady_clock::now() - began;
  }
  r.stop();
  r.wait();
  BOOST_TEST(std::ranges::any_of(lines, counts));
  BOOST_TEST(static_cast<double>(lines.size()) <= std::chrono::duration<double>(elapsed).count() + 2);
}

BOOST_AUTO_TEST_CASE(a_shard_that_sleeps_or_works_in_short_steps_is_no_stall) {
  shoal::log_collector log;
  auto options = small_runtime(2, &log);
  options.stall.report = 300ms;  // far more than another process can take away at once
  runtime r{options};
  BOOST_REQUIRE(r.start().has_value());
  run_task(r, 0, []() -> task<> { co_await shoal::sleep_for(400ms); }).get();
  bool done = false;
  auto work = run_task(r, 1, [&done] { return long_work(&done); });
  run_task(r, 1, [&done] { return longest_gap(&done, 400); }).get();
  work.get();
  r.stop();
  r.wait();
  const auto lines = stalls_in(log);
  BOOST_TEST_INFO((lines.empty() ? "" : lines.front()));
  BOOST_TEST(lines.empty());
}

BOOST_AUTO_TEST_CASE(the_signal_does_what_it_did_before_once_the_runtime_is_over) {
  struct sigaction mine{};
  mine.sa_handler = SIG_IGN;
  struct sigaction before{};
  BOOST_REQUIRE(::sigaction(SIGURG, &mine, &before) == 0);
  {
    auto options = small_runtime(1);
    options.stall.signal = SIGURG;
    runtime r{options};
    BOOST_REQUIRE(r.start().has_value());
  }
  struct sigaction after{};
  ::sigaction(SIGURG, &before, &after);
  BOOST_TEST((after.sa_handler == SIG_IGN));
}

BOOST_AUTO_TEST_CASE(a_signal_that_cannot_be_handled_fails_the_start) {
  auto options = small_runtime(1);
  options.stall.signal = SIGKILL;
  runtime r{options};
  const auto started = r.start();
  BOOST_REQUIRE(!started.has_value());
  BOOST_TEST(contains(started.error().what, "the stall watch and its signal"));
}

BOOST_AUTO_TEST_CASE(long_work_that_may_yield_lets_timers_through) {
  runtime r{small_runtime(1)};
  BOOST_REQUIRE(r.start().has_value());
  bool done = false;
  auto work = run_task(r, 0, [&done] { return long_work(&done); });
  const duration gap = run_task(r, 0, [&done] { return longest_gap(&done, 200); }).get();
  // The work would go on for ever. How promptly it yields is a benchmark's question; here: at all, and again and again.
  BOOST_TEST(work.get() > 200);
  BOOST_TEST(gap < 2s);
}

BOOST_AUTO_TEST_CASE(on_a_host_without_threads_every_64th_call_yields) {
  solo_shard here;
  bool done = false;
  shoal::scope work{[](const std::exception_ptr&) noexcept {}};
  int steps = 0;
  const auto count = [](int& n, const bool& stop) -> task<> {
    while (!stop) {
      ++n;
      co_await maybe_yield();
    }
  };
  work.spawn(count(steps, done));
  BOOST_TEST(steps == 1);
  here.turn();
  BOOST_TEST(steps == 65);
  here.turn();
  BOOST_TEST(steps == 129);
  done = true;
  here.turn();
  BOOST_TEST(work.running() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
