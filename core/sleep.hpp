// SPDX-License-Identifier: Apache-2.0
// sleep_for / sleep_until: wait on the shard's timer wheel.
//
// Resume rule: on the same shard, in the "expire timers" step; at or after the deadline, never before.
// Waiters: one per awaitable. Stop: not interrupted, but for end_early(); with a std::stop_token a stop ends it with
// errc::cancelled, at once when it was requested before, else from the run queue. Lifetime: the awaitable lives in the
// waiting frame and may go at any time.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/core/stop_link.hpp>

#include <coroutine>
#include <stop_token>
#include <utility>

namespace shoal {

class [[nodiscard]] sleep_until {
 public:
  explicit sleep_until(instant deadline) noexcept : deadline_(deadline), timer_(*this) {}
  [[nodiscard]] bool await_ready() const noexcept { return deadline_ <= shard::current().now(); }
  void await_suspend(std::coroutine_handle<> waiting) noexcept {
    timer_.waiting = waiting;
    shard::current().timers().arm(timer_, deadline_);
  }
  void await_resume() const noexcept {}
  /// Ends the wait in the next "expire timers" step. The shard's own code only, while somebody waits.
  void end_early() noexcept { shard::current().timers().arm(timer_, instant{}); }

 private:
  struct resume_timer : timer {
    explicit resume_timer(sleep_until&) noexcept
        : timer([](timer& t) noexcept { static_cast<resume_timer&>(t).waiting.resume(); }) {}
    std::coroutine_handle<> waiting;
  };
  instant deadline_;
  resume_timer timer_;
};

/// sleep_until that a stop ends: result<void>. See the top.
class [[nodiscard]] stoppable_sleep : public resume_item {
 public:
  stoppable_sleep(instant deadline, std::stop_token stop) noexcept
      : deadline_(deadline), timer_(*this), stop_(*this, std::move(stop)) {}
  stoppable_sleep(const stoppable_sleep&) = delete;
  stoppable_sleep& operator=(const stoppable_sleep&) = delete;
  ~stoppable_sleep() {
    if (is_linked()) shard::current().unschedule(*this);
  }
  [[nodiscard]] bool await_ready() noexcept {
    stopped_ = stop_.requested();
    return stopped_ || deadline_ <= shard::current().now();
  }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    waiting = handle;
    shard::current().timers().arm(timer_, deadline_);
    stop_.arm();
  }
  [[nodiscard]] result<void> await_resume() noexcept {
    stop_.disarm();
    if (stopped_) return fail(errc::cancelled);
    return {};
  }

 private:
  friend class detail::stop_link<stoppable_sleep>;
  struct end_timer : timer {
    explicit end_timer(stoppable_sleep& slept) noexcept
        : timer([](timer& t) noexcept { static_cast<end_timer&>(t).sleep.waiting.resume(); }), sleep(slept) {}
    stoppable_sleep& sleep;
  };
  void on_stop() noexcept {
    stopped_ = true;
    shard::current().timers().cancel(timer_);
    shard::current().schedule(*this);
  }

  instant deadline_;
  end_timer timer_;
  detail::stop_link<stoppable_sleep> stop_;
  bool stopped_ = false;
};

/// The instant so far from now. A length beyond the end of time (292 years) is no deadline at all.
[[nodiscard]] inline instant deadline_in(duration length) noexcept {
  const instant now = shard::current().now();
  return length < never - now ? now + length : never;
}

[[nodiscard]] inline sleep_until sleep_for(duration length) noexcept { return sleep_until{deadline_in(length)}; }
[[nodiscard]] inline stoppable_sleep sleep_for(duration length, std::stop_token stop) noexcept {
  return stoppable_sleep{deadline_in(length), std::move(stop)};
}

/// Goes to the back of the run queue: everything else that is ready runs first.
/// Resume rule: same shard, "run tasks" step of this or the next turn. One waiter; never interrupted.
class [[nodiscard]] yield : public resume_item {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    waiting = handle;
    shard::current().schedule(*this);
  }
  void await_resume() const noexcept {}
};

}  // namespace shoal
