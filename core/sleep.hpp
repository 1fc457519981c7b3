// SPDX-License-Identifier: Apache-2.0
// sleep_for / sleep_until: wait on the shard's timer wheel.
//
// Resume rule: on the same shard, in the "expire timers" step; at or after the deadline, never before.
// Waiters: one per awaitable. Stop: not interrupted, but for end_early(). Lifetime: the awaitable lives in the waiting
// frame.
#pragma once

#include <shoal/core/shard.hpp>

#include <coroutine>

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

/// A length beyond the end of time (292 years) is no deadline at all.
[[nodiscard]] inline sleep_until sleep_for(duration length) noexcept {
  const instant now = shard::current().now();
  return sleep_until{length < never - now ? now + length : never};
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
