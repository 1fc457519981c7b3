// SPDX-License-Identifier: Apache-2.0
// Signals end a runtime only when it is asked to listen to them. They are real ones, sent to this process by kill().
#include <shoal/core/runtime.hpp>
#include <shoal/core/signal_events.hpp>
#include <shoal/core/sleep.hpp>
#include <tests/core/runtime_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <pthread.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

using shoal::instant;
using shoal::runtime;
using shoal::shard;
using shoal::task;
using shoal::test::journal;
using shoal::test::recording_service;
using shoal::test::small_runtime;
using namespace std::chrono_literals;

namespace {

void send(int signal_number) { ::kill(::getpid(), signal_number); }

bool is_blocked(int signal_number) {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  return sigismember(&mask, signal_number) == 1;
}

/// Ends a runtime that does not react, so that the test fails instead of hanging. Make it after stop_on(): its thread
/// inherits the blocked signals.
class watchdog {
 public:
  explicit watchdog(runtime& watched)
      : thread_([this, &watched] {
          std::unique_lock lock(mutex_);
          if (done_.wait_for(lock, 10s, [this] { return over_; })) return;
          barked_ = true;
          watched.stop_now();
        }) {}
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  ~watchdog() {
    {
      const std::scoped_lock lock(mutex_);
      over_ = true;
    }
    done_.notify_one();
    thread_.join();
    BOOST_TEST(!barked_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool over_ = false;
  bool barked_ = false;
  std::thread thread_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_signals_suite)

BOOST_AUTO_TEST_CASE(the_first_signal_ends_gracefully) {
  for (const int number : {SIGTERM, SIGINT}) {
    journal lines;
    runtime r{small_runtime(2)};
    recording_service s{r, lines, "s"};
    r.stop_on({SIGINT, SIGTERM});
    s.on_start = [&](shard& here) {
      if (here.id() == 1) send(number);
    };
    s.on_stop = [](shard&, instant) -> task<> { co_await shoal::sleep_for(10ms); };
    const watchdog guard{r};
    BOOST_TEST(r.run() == 0);
    BOOST_TEST(lines.count("s stopped 0") == 1U);
    BOOST_TEST(lines.count("s stopped 1") == 1U);
    BOOST_TEST(lines.count("s hurry 0") == 0U);
  }
}

BOOST_AUTO_TEST_CASE(the_second_signal_hurries) {
  journal lines;
  auto options = small_runtime(2);
  options.drain_timeout = 1h;
  runtime r{options};
  recording_service s{r, lines, "s"};
  r.stop_on({SIGINT, SIGTERM});
  std::atomic<int> stopping{0};
  std::atomic<bool> hurried{false};
  s.on_start = [](shard& here) {
    if (here.id() == 0) send(SIGTERM);
  };
  s.on_stop = [&](shard&, instant) -> task<> {
    if (++stopping == 2) send(SIGTERM);
    while (!hurried) co_await shoal::sleep_for(1ms);
  };
  s.on_hurry = [&](shard&) { hurried = true; };
  const watchdog guard{r};
  BOOST_TEST(r.run() == 0);
  BOOST_TEST(lines.count("s hurry 0") == 1U);
  BOOST_TEST(lines.count("s hurry 1") == 1U);
  BOOST_TEST(lines.place_of("s stop 0") < lines.place_of("s hurry 0"));
}

BOOST_AUTO_TEST_CASE(actions_run_on_the_thread_that_runs_the_runtime_and_go_on) {
  runtime r{small_runtime(1)};
  int count = 0;
  const auto this_thread = std::this_thread::get_id();
  r.on_signal(SIGUSR1, [&] {
    BOOST_TEST((std::this_thread::get_id() == this_thread));
    if (++count < 3) {
      send(SIGUSR1);
    } else {
      r.stop();
    }
  });
  journal lines;
  recording_service s{r, lines, "s"};
  s.on_start = [](shard&) { send(SIGUSR1); };
  const watchdog guard{r};
  BOOST_TEST(r.run() == 0);
  BOOST_TEST(count == 3);
}

BOOST_AUTO_TEST_CASE(without_asking_no_signal_is_touched) {
  runtime r{small_runtime(1)};
  BOOST_REQUIRE(r.start().has_value());
  BOOST_TEST(!is_blocked(SIGTERM));
  BOOST_TEST(!is_blocked(SIGINT));
  r.stop();
  r.wait();
}

BOOST_AUTO_TEST_CASE(the_mask_comes_back_and_a_late_signal_does_no_harm) {
  {
    runtime r{small_runtime(1)};
    r.stop_on({SIGUSR1, SIGUSR2});
    BOOST_TEST(is_blocked(SIGUSR1));
    BOOST_REQUIRE(r.start().has_value());
    r.stop();
    r.wait();
    // Somebody presses the key twice: the second signal comes when the first has already done its work. Delivered
    // after the mask comes back, it would kill a program that ended in order.
    send(SIGUSR1);
    send(SIGUSR2);
  }
  BOOST_TEST(!is_blocked(SIGUSR1));
  BOOST_TEST(!is_blocked(SIGUSR2));
}

// Ends by stop() and ends by signal in turn: what the one leaves behind must not deafen the next.
BOOST_AUTO_TEST_CASE(every_run_hears_its_signal) {
  runtime r{small_runtime(2)};
  r.stop_on({SIGUSR1});
  journal lines;
  recording_service s{r, lines, "s"};
  bool by_signal = false;
  s.on_start = [&](shard& here) {
    if (here.id() == 0) by_signal ? send(SIGUSR1) : r.stop();
  };
  const watchdog guard{r};
  for (int i = 0; i < 40; ++i) {
    by_signal = i % 2 != 0;
    if (i % 4 == 2) {
      BOOST_REQUIRE(r.start().has_value());
      r.wait();
    } else {
      BOOST_TEST(r.run() == 0);
    }
  }
  BOOST_TEST(lines.count("s finished") == 40U);
}

BOOST_AUTO_TEST_CASE(a_coroutine_waits_for_signals_until_the_stop) {
  runtime r{small_runtime(2)};
  shoal::signal_events hangups{r, SIGHUP, 1};
  r.stop_on({SIGTERM});
  const watchdog guard{r};
  std::uint64_t heard = 0;
  std::error_code end;
  shoal::shard_id where = 0;
  shoal::scope work{[](const std::exception_ptr&) noexcept {}};
  const auto listen = [&]() -> task<> {
    for (;;) {
      const auto times = co_await hangups.next();
      where = shard::current().id();
      if (!times) {
        end = times.error();
        break;
      }
      heard += *times;
      send(heard < 3 ? SIGHUP : SIGTERM);
    }
  };
  std::error_code second;
  const auto too_many = [&]() -> task<> { second = (co_await hangups.next()).error(); };
  journal lines;
  recording_service s{r, lines, "s"};
  s.on_start = [&](shard& here) {
    if (here.id() != 1) return;
    work.spawn(listen());
    work.spawn(too_many());
    send(SIGHUP);
  };
  BOOST_TEST(r.run() == 0);
  BOOST_TEST(heard >= 3U);
  BOOST_TEST((end == shoal::errc::stopped));
  BOOST_TEST((second == shoal::errc::concurrent_access));
  BOOST_TEST(where == 1);
}

BOOST_AUTO_TEST_CASE(signals_for_a_shard_that_does_not_exist_fail_the_start) {
  runtime r{small_runtime(1)};
  const shoal::signal_events hangups{r, SIGHUP, 1};
  const auto started = r.start();
  BOOST_REQUIRE(!started.has_value());
  BOOST_TEST(started.error().what.find("shard 1") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
