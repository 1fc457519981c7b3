// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/timer_wheel.hpp>

#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

using shoal::duration;
using shoal::instant;
using shoal::timer_wheel;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t plenty = 1'000'000;

/// A timer that writes its number down when it fires.
struct recorder : shoal::timer {
  recorder(std::vector<int>& log, int number) : timer{&recorder::fired}, log_{&log}, number_{number} {}

 private:
  static void fired(timer& t) noexcept {
    auto& self = static_cast<recorder&>(t);
    self.log_->push_back(self.number_);
  }
  std::vector<int>* log_;
  int number_;
};

/// A timer that runs a function; for the tests of what callbacks may do.
struct caller : shoal::timer {
  explicit caller(std::function<void()> what) : timer{&caller::fired}, what_{std::move(what)} {}

 private:
  static void fired(timer& t) noexcept {
    auto what = static_cast<caller&>(t).what_;  // a copy: it may destroy *this
    what();
  }
  std::function<void()> what_;
};

using numbers = std::vector<int>;

instant at(duration since_epoch) { return instant{since_epoch}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(timer_wheel_suite)

BOOST_AUTO_TEST_CASE(fires_never_early_and_at_most_a_tick_late) {
  numbers log;
  for (const duration wait :
       {1ns, 65'535ns, 65'536ns, 65'537ns, duration{5ms}, duration{3s}, duration{2h}, duration{24h * 365}}) {
    const auto start = at(12'345'678'901ns);
    timer_wheel wheel{start};
    recorder t{log, 1};
    wheel.arm(t, start + wait);
    log.clear();
    BOOST_TEST(wheel.expire(start + wait - 1ns, plenty) == 0U);
    BOOST_TEST(log.empty());
    BOOST_TEST(wheel.expire(start + wait + timer_wheel::resolution, plenty) == 1U);
    BOOST_TEST(log.size() == 1U);
    BOOST_TEST(!t.armed());
  }
}

BOOST_AUTO_TEST_CASE(fires_in_order_of_deadline_then_of_arming) {
  numbers log;
  timer_wheel wheel{at(0s)};
  recorder far{log, 1}, near{log, 2}, same_a{log, 3}, same_b{log, 4}, same_c{log, 5};
  wheel.arm(far, at(20s));
  wheel.arm(same_a, at(10s));  // armed while 10 s was a coarse slot away
  wheel.arm(near, at(1s));
  wheel.expire(at(9999ms), plenty);
  wheel.arm(same_b, at(10s));  // and these while it was near
  wheel.arm(same_c, at(10s));
  wheel.expire(at(30s), plenty);
  BOOST_TEST(log == (numbers{2, 3, 4, 5, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_deadline_in_the_past_fires_at_the_next_expire) {
  numbers log;
  timer_wheel wheel{at(100s)};
  recorder t{log, 1};
  wheel.arm(t, at(5s));
  BOOST_TEST((wheel.next_deadline() <= at(100s)));
  BOOST_TEST(wheel.expire(at(100s), plenty) == 1U);
}

BOOST_AUTO_TEST_CASE(cancel_and_rearm) {
  numbers log;
  timer_wheel wheel{at(0s)};
  recorder a{log, 1}, b{log, 2};
  wheel.cancel(a);  // harmless
  wheel.arm(a, at(1s));
  wheel.arm(b, at(2s));
  BOOST_TEST(wheel.size() == 2U);
  wheel.arm(a, at(3s));
  BOOST_TEST(wheel.size() == 2U);
  BOOST_TEST((a.fires_at() >= at(3s)));
  wheel.cancel(b);
  BOOST_TEST(wheel.size() == 1U);
  BOOST_TEST(wheel.expire(at(2500ms), plenty) == 0U);
  wheel.arm(a, shoal::never);
  BOOST_TEST(!a.armed());
  BOOST_TEST((wheel.next_deadline() == shoal::never));
  BOOST_TEST(wheel.expire(at(24h), plenty) == 0U);
  BOOST_TEST(log.empty());
}

BOOST_AUTO_TEST_CASE(destroying_a_timer_or_the_wheel_disarms) {
  numbers log;
  recorder outlives{log, 1};
  {
    timer_wheel wheel{at(0s)};
    wheel.arm(outlives, at(1s));
    {
      recorder short_lived{log, 2};
      wheel.arm(short_lived, at(1ms));
    }
    BOOST_TEST(wheel.size() == 1U);
    BOOST_TEST((wheel.next_deadline() >= at(1s)));
  }
  BOOST_TEST(!outlives.armed());
  BOOST_TEST(log.empty());
}

BOOST_AUTO_TEST_CASE(callbacks_may_cancel_rearm_and_destroy_timers_of_the_same_batch) {
  numbers log;
  timer_wheel wheel{at(0s)};
  recorder victim{log, 1}, moved{log, 2}, last{log, 3};
  auto doomed = std::make_unique<recorder>(log, 4);
  std::unique_ptr<caller> self;
  self = std::make_unique<caller>([&] {
    wheel.cancel(victim);
    wheel.arm(moved, at(5s));
    doomed.reset();
    self.reset();
  });
  wheel.arm(*self, at(1s));
  wheel.arm(victim, at(1s));
  wheel.arm(moved, at(1s));
  wheel.arm(*doomed, at(1s));
  wheel.arm(last, at(1s));
  BOOST_TEST(wheel.expire(at(2s), plenty) == 2U);
  BOOST_TEST(log == (numbers{3}), boost::test_tools::per_element());
  BOOST_TEST(wheel.size() == 1U);
  wheel.expire(at(6s), plenty);
  BOOST_TEST(log == (numbers{3, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_timer_that_rearms_itself_in_the_past_fires_once_per_expire_and_starves_nobody) {
  numbers log;
  timer_wheel wheel{at(0s)};
  int greedy_fired = 0;
  std::unique_ptr<caller> greedy;
  greedy = std::make_unique<caller>([&] {
    ++greedy_fired;
    wheel.arm(*greedy, at(0s));
  });
  recorder other{log, 1};
  wheel.arm(*greedy, at(1ms));
  wheel.arm(other, at(2ms));
  BOOST_TEST(wheel.expire(at(3ms), 1) == 1U);  // the budget ends it between the two
  BOOST_TEST(wheel.expire(at(3ms), 1) == 1U);
  BOOST_TEST(log.size() == 1U);
  BOOST_TEST(greedy_fired == 1);
  BOOST_TEST((wheel.next_deadline() <= at(3ms)));
  BOOST_TEST(wheel.expire(at(3ms), plenty) == 1U);
  BOOST_TEST(greedy_fired == 2);
}

BOOST_AUTO_TEST_CASE(a_late_periodic_timer_catches_up_one_period_per_expire) {
  numbers log;
  timer_wheel wheel{at(0s)};
  int fired = 0;
  std::unique_ptr<caller> every_ms;
  every_ms = std::make_unique<caller>([&] {
    ++fired;
    wheel.arm(*every_ms, at(1ms * (fired + 1)));
  });
  wheel.arm(*every_ms, at(1ms));
  BOOST_TEST(wheel.expire(at(10ms), plenty) == 1U);
  BOOST_TEST((wheel.next_deadline() <= at(10ms)));
  BOOST_TEST(wheel.expire(at(10ms), plenty) == 1U);
}

BOOST_AUTO_TEST_CASE(the_budget_bounds_moves_between_levels_too) {
  numbers log;
  timer_wheel wheel{at(0s)};
  std::vector<std::unique_ptr<recorder>> timers;
  for (int i = 0; i < 1000; ++i) {
    timers.push_back(std::make_unique<recorder>(log, i));
    wheel.arm(*timers.back(), at(60s));
  }
  recorder behind{log, 1000};
  std::size_t calls = 0;
  while (log.size() < 1000) {
    wheel.expire(at(61s), 100);
    if (++calls == 3) wheel.arm(behind, at(60s));  // while the others are still on their way down
    BOOST_REQUIRE(calls < 100);
  }
  BOOST_TEST(calls >= 20U);  // each is moved at least once and fired once
  wheel.expire(at(61s), plenty);
  BOOST_REQUIRE(log.size() == 1001U);
  for (int i = 0; i <= 1000; ++i) BOOST_TEST(log[static_cast<std::size_t>(i)] == i);
}

BOOST_AUTO_TEST_CASE(sleeping_until_next_deadline_wakes_once_per_timer) {
  numbers log;
  const auto start = at(987'654'321'987ns);
  timer_wheel wheel{start};
  recorder a{log, 1}, b{log, 2}, c{log, 3};
  wheel.arm(a, start + 60s);
  wheel.arm(b, start + 61s);
  wheel.arm(c, start + 2h);
  int wakes = 0;
  for (auto next = wheel.next_deadline(); next != shoal::never; next = wheel.next_deadline()) {
    BOOST_TEST(wheel.expire(next, plenty) == 1U);
    ++wakes;
  }
  BOOST_TEST(wakes == 3);
}

namespace {

/// The wheel beside a std::multimap that does the same: what fires, in which order, and when the next one is.
class model {
 public:
  explicit model(std::uint64_t seed) : random_{seed}, wheel_{now_} {
    for (int i = 0; i < 200; ++i) timers_.push_back(std::make_unique<recorder>(log_, i));
    keys_.resize(timers_.size());
  }

  void step() {
    const auto choice = random_() % 10;
    if (choice < 5) return arm();
    if (choice < 7) return cancel();
    expire(choice == 9 ? 1 + random_() % 8 : plenty);
  }

  void finish() {
    // Moves count against the budget as well, so a slice may fire nothing; it must still end.
    for (int i = 0; i < 10'000 && !expected_.empty(); ++i) {
      now_ = std::max(now_, wheel_.next_deadline());
      check(plenty);
    }
    BOOST_REQUIRE(expected_.empty());
    BOOST_REQUIRE((wheel_.next_deadline() == shoal::never));
  }

 private:
  using key = std::pair<std::uint64_t, std::uint64_t>;  // tick, arming order

  static std::uint64_t tick_before(instant t) { return static_cast<std::uint64_t>(t.time_since_epoch().count()) >> 16; }
  static std::uint64_t tick_after(instant t) {
    return (static_cast<std::uint64_t>(t.time_since_epoch().count()) + 65535) >> 16;
  }

  duration some_time() {
    const auto bits = random_() % 50;  // up to 13 days, every magnitude equally likely
    return duration{static_cast<std::int64_t>(random_() % (std::uint64_t{1} << bits))};
  }

  void arm() {
    const auto i = random_() % timers_.size();
    const auto deadline = random_() % 8 == 0 ? now_ - some_time() % now_.time_since_epoch() : now_ + some_time();
    forget(i);
    wheel_.arm(*timers_[i], deadline);
    // A deadline in the past counts as the tick the wheel has reached, which a budget may keep behind now_.
    const auto tick = tick_before(timers_[i]->fires_at());
    BOOST_REQUIRE(tick >= tick_after(deadline));
    BOOST_REQUIRE(tick <= std::max(tick_after(deadline), tick_before(now_)));
    keys_[i] = {tick, order_++};
    expected_.emplace(keys_[i], static_cast<int>(i));
  }

  void cancel() {
    const auto i = random_() % timers_.size();
    forget(i);
    wheel_.cancel(*timers_[i]);
  }

  void expire(std::size_t budget) {
    now_ += random_() % 4 == 0 ? duration{0} : some_time() / 16;
    check(budget);
  }

  void forget(std::size_t i) {
    if (timers_[i]->armed()) BOOST_REQUIRE(expected_.erase(keys_[i]) == 1);
  }

  void check(std::size_t budget) {
    log_.clear();
    const auto next = wheel_.next_deadline();
    if (expected_.empty()) BOOST_REQUIRE((next == shoal::never));
    if (!expected_.empty()) BOOST_REQUIRE(tick_before(next) <= expected_.begin()->first.first);
    const auto fired = wheel_.expire(now_, budget);
    BOOST_REQUIRE(fired == log_.size());
    for (const int number : log_) {
      BOOST_REQUIRE(!expected_.empty());
      BOOST_REQUIRE(expected_.begin()->second == number);
      BOOST_REQUIRE(expected_.begin()->first.first <= tick_before(now_));
      expected_.erase(expected_.begin());
    }
    BOOST_REQUIRE(wheel_.size() == expected_.size());
    if (budget == plenty && !expected_.empty()) BOOST_REQUIRE(expected_.begin()->first.first > tick_before(now_));
  }

  std::mt19937_64 random_;
  instant now_{1234567890123456ns};
  timer_wheel wheel_;
  numbers log_;
  std::vector<std::unique_ptr<recorder>> timers_;
  std::vector<key> keys_;
  std::map<key, int> expected_;
  std::uint64_t order_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(agrees_with_a_multimap) {
  for (std::uint64_t run = 0; run < 40; ++run) {
    BOOST_TEST_CONTEXT("run " << run) {
      model m{shoal::test::seed() + run};
      for (int i = 0; i < 5000; ++i) m.step();
      m.finish();
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
