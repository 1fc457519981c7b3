// SPDX-License-Identifier: Apache-2.0
// How a runtime ends: stop() at any time and from anywhere, messages and posts under way, services that are slow or
// fail.
#include <shoal/core/runtime.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <tests/core/runtime_rig.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <random>
#include <stdexcept>
#include <thread>

using shoal::errc;
using shoal::instant;
using shoal::runtime;
using shoal::shard;
using shoal::shard_id;
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

shard_id where() { return shard::current().id(); }

task<> call_everybody(shard& here, journal& lines) {
  const auto shards = here.owner().shards();
  for (shard_id to = 0; to < shards; ++to) {
    const shard_id id = co_await submit_to(to, &where);
    lines.add(std::to_string(here.id()) + " reached " + std::to_string(id));
  }
}

/// Waits until hurry() says so.
struct stubborn {
  explicit stubborn(shard&) {}
  struct waiter : shoal::resume_item {
    explicit waiter(stubborn& s) : owner(s) {}
    [[nodiscard]] bool await_ready() const { return owner.hurried; }
    void await_suspend(std::coroutine_handle<> handle) {
      waiting = handle;
      owner.waiting = this;
    }
    void await_resume() const {}
    stubborn& owner;
  };
  void hurry() {
    hurried = true;
    if (waiting != nullptr) shard::current().schedule(*std::exchange(waiting, nullptr));
  }
  bool hurried = false;
  waiter* waiting = nullptr;
};

task<> wait_for_hurry(shard& here) {
  stubborn::waiter until_hurried{here.local<stubborn>()};
  co_await until_hurried;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_stop_suite)

BOOST_AUTO_TEST_CASE(stop_before_start_has_nothing_to_end) {
  runtime r{small_runtime(1)};
  r.stop();
  r.stop_now();
  r.wait();
  BOOST_REQUIRE(r.start().has_value());
  BOOST_TEST(r.post(0, &where).get() == 0);
  r.stop();
  r.wait();
  r.stop();
  r.wait();
}

BOOST_AUTO_TEST_CASE(stop_in_prepare_or_in_start_ends_the_run) {
  for (const bool in_prepare : {true, false}) {
    journal lines;
    runtime r{small_runtime(2)};
    recording_service s{r, lines, "s"};
    s.on_prepare = [&]() -> std::expected<void, shoal::start_failure> {
      if (in_prepare) r.stop();
      return {};
    };
    s.on_start = [&](shard& here) {
      if (!in_prepare && here.id() == 1) r.stop();
    };
    BOOST_TEST(r.run() == 0);
    BOOST_TEST(lines.count("s stopped 0") == 1U);
    BOOST_TEST(lines.count("s stopped 1") == 1U);
    BOOST_TEST(lines.count("s finished") == 1U);
  }
}

BOOST_AUTO_TEST_CASE(stop_from_another_thread_at_any_moment_of_the_start) {
  for (int i = 0; i < 50; ++i) {
    journal lines;
    runtime r{small_runtime(2)};
    recording_service s{r, lines, "s"};
    std::atomic<bool> preparing{false};
    s.on_prepare = [&]() -> std::expected<void, shoal::start_failure> {
      preparing = true;
      preparing.notify_one();
      return {};
    };
    std::thread stopper([&] {
      preparing.wait(false);
      for (int spin = 0; spin < i * 20'000; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
      r.stop();
    });
    BOOST_TEST(r.run() == 0);
    stopper.join();
    BOOST_TEST(lines.count("s stopped 1") == 1U);
  }
}

BOOST_AUTO_TEST_CASE(stop_from_a_shard) {
  for (const bool now : {false, true}) {
    journal lines;
    runtime r{small_runtime(3)};
    recording_service s{r, lines, "s"};
    BOOST_REQUIRE(r.start().has_value());
    auto posted = r.post(2, [&] { now ? r.stop_now() : r.stop(); });
    posted.get();
    r.wait();
    for (const std::string id : {"0", "1", "2"}) {
      BOOST_TEST(lines.count("s stopped " + id) == 1U);
      BOOST_TEST(lines.count("s hurry " + id) == (now ? 1U : 0U));
    }
    BOOST_TEST(left_nothing(r));
  }
}

BOOST_AUTO_TEST_CASE(services_may_call_other_shards_while_they_start_and_stop) {
  for (int i = 0; i < 20; ++i) {
    journal lines;
    runtime r{small_runtime(3)};
    recording_service s{r, lines, "s"};
    s.on_start = [&](shard& here) { here.local<shoal::test::background>().tasks.spawn(call_everybody(here, lines)); };
    // Shards stop at different times: some call those that have nothing left to do.
    s.on_stop = [&](shard& here, instant) -> task<> {
      co_await shoal::sleep_for(std::chrono::microseconds{here.id() * 500});
      auto calls = call_everybody(here, lines);
      co_await calls;
    };
    BOOST_REQUIRE(r.start().has_value());
    r.stop();
    r.wait();
    for (const std::string from : {"0", "1", "2"}) {
      for (const std::string to : {"0", "1", "2"}) {
        BOOST_TEST(lines.count(from + " reached " + to) == 2U, from << " to " << to);
      }
    }
    BOOST_TEST(left_nothing(r));
  }
}

BOOST_AUTO_TEST_CASE(stop_hands_the_deadline_and_waits_for_slow_services) {
  auto options = small_runtime(2);
  options.drain_timeout = 77s;
  journal lines;
  runtime r{options};
  recording_service quick{r, lines, "quick"};
  recording_service slow{r, lines, "slow"};
  std::atomic<int> right{0};
  slow.on_stop = [&](shard& here, instant deadline) -> task<> {
    if (deadline == here.now() + 77s) ++right;
    co_await shoal::sleep_for(20ms);
  };
  BOOST_REQUIRE(r.start().has_value());
  r.stop();
  r.wait();
  BOOST_TEST(right == 2);
  for (const std::string id : {"0", "1"}) {
    BOOST_TEST(lines.place_of("slow stopped " + id) < lines.place_of("quick stop " + id));
    BOOST_TEST(lines.count("quick stopped " + id) == 1U);
  }
}

BOOST_AUTO_TEST_CASE(stop_delay_goes_on_serving_and_stop_now_ends_it) {
  for (const bool hurried : {false, true}) {
    auto options = small_runtime(2);
    options.stop_delay = hurried ? 1h : 30ms;
    journal lines;
    runtime r{options};
    recording_service s{r, lines, "s"};
    std::atomic<int> early{0};
    instant asked;
    s.on_stop = [&](shard& here, instant) -> task<> {
      if (!hurried && here.now() < asked + 30ms) ++early;
      co_return;
    };
    BOOST_REQUIRE(r.start().has_value());
    asked = r.machine().now();
    r.stop();
    if (hurried) r.stop_now();
    r.wait();
    BOOST_TEST((r.machine().now() - asked < 60s));
    BOOST_TEST(early == 0);
    BOOST_TEST(lines.count("s stopped 0") == 1U);
    BOOST_TEST(lines.count("s stopped 1") == 1U);
    BOOST_TEST(left_nothing(r));
  }
}

BOOST_AUTO_TEST_CASE(stop_now_hurries_who_waits) {
  journal lines;
  runtime r{small_runtime(2)};
  recording_service s{r, lines, "s"};
  s.on_stop = [](shard& here, instant) { return wait_for_hurry(here); };
  s.on_hurry = [](shard& here) { here.local<stubborn>().hurry(); };
  BOOST_REQUIRE(r.start().has_value());
  r.stop();
  BOOST_TEST(r.post(0, [] { return 0; }).valid());
  r.stop_now();
  r.wait();
  for (const std::string id : {"0", "1"}) {
    BOOST_TEST(lines.count("s hurry " + id) == 1U);
    BOOST_TEST(lines.place_of("s stop " + id) < lines.place_of("s hurry " + id));
    BOOST_TEST(lines.place_of("s hurry " + id) < lines.place_of("s stopped " + id));
  }
}

BOOST_AUTO_TEST_CASE(a_service_that_fails_to_stop_does_not_keep_the_others_from_it) {
  shoal::log_collector log;
  journal lines;
  runtime r{small_runtime(2, &log)};
  recording_service first{r, lines, "first"};
  recording_service second{r, lines, "second"};
  second.on_stop = [](shard& here, instant) -> task<> {
    co_await shoal::yield();
    if (here.id() == 1) throw std::runtime_error("the second broke");
  };
  BOOST_REQUIRE(r.start().has_value());
  r.stop();
  r.wait();
  BOOST_TEST(lines.count("first stopped 0") == 1U);
  BOOST_TEST(lines.count("first stopped 1") == 1U);
  BOOST_TEST(lines.count("first finished") == 1U);
  const auto logged = log.take();
  BOOST_REQUIRE(logged.size() == 1U);
  BOOST_TEST(logged.front().find("the second broke") != std::string::npos, logged.front());
}

BOOST_AUTO_TEST_CASE(finished_may_use_the_runtime) {
  journal lines;
  runtime r{small_runtime(1)};
  recording_service s{r, lines, "s"};
  bool refused = false;
  s.on_finished = [&] {
    auto late = r.post(0, [] {});
    refused = was_refused(late);
    r.stop();
  };
  BOOST_REQUIRE(r.start().has_value());
  r.stop();
  r.wait();
  BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(post_gives_values_and_exceptions_and_refuses_when_nothing_runs) {
  runtime r{small_runtime(2)};
  auto early = r.post(0, [] { return 1; });
  BOOST_TEST(was_refused(early));
  BOOST_REQUIRE(r.start().has_value());
  BOOST_TEST(r.post(1, &where).get() == 1);
  auto failing = r.post(0, []() -> int { throw std::runtime_error("no"); });
  BOOST_CHECK_THROW(failing.get(), std::runtime_error);
  auto nowhere = r.post(2, [] {});
  BOOST_TEST(was_refused(nowhere));
  auto moved = r.post(0, [value = std::make_unique<int>(5)] { return *value; });
  BOOST_TEST(moved.get() == 5);
  r.stop();
  r.wait();
  auto late = r.post(0, [] {});
  BOOST_TEST(was_refused(late));
}

// Whatever the moment, a post either runs or is refused, and its future always becomes ready.
BOOST_AUTO_TEST_CASE(posts_during_the_stop_run_or_are_refused) {
  std::mt19937 random{static_cast<std::mt19937::result_type>(shoal::test::seed())};
  for (int i = 0; i < 30; ++i) {
    runtime r{small_runtime(2)};
    BOOST_REQUIRE(r.start().has_value());
    std::atomic<bool> over{false};
    std::atomic<unsigned> ran{0};
    std::atomic<unsigned> done{0};
    std::atomic<unsigned> refused{0};
    std::atomic<unsigned> posted{0};
    std::vector<std::thread> posters;
    for (int t = 0; t < 2; ++t) {
      posters.emplace_back([&, t] {
        while (!over) {
          auto future = r.post(static_cast<shard_id>(t), [&ran] { ++ran; });
          ++posted;
          (was_refused(future) ? refused : done) += 1;
        }
      });
    }
    while (done < random() % 100) std::this_thread::yield();
    r.stop();
    r.wait();
    const unsigned at_the_end = refused;
    while (refused == at_the_end) std::this_thread::yield();
    over = true;
    for (auto& t : posters) t.join();
    BOOST_TEST(ran == done);
    BOOST_TEST(done + refused == posted);
    BOOST_TEST(left_nothing(r));
  }
}

BOOST_AUTO_TEST_SUITE_END()
