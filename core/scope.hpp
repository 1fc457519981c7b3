// SPDX-License-Identifier: Apache-2.0
// scope: owns tasks that run beside their starter, and waits for them.
//
// Thread rule: owner shard only.
// Structured: a child ends before its scope does. Asked to stop by request_stop(), awaited by join().
// Invariants: destroyed only when empty; a child's exception is logged by `on_failure` and ends that child only.
#pragma once

#include <shoal/core/task.hpp>

#include <exception>
#include <stop_token>

namespace shoal {

class scope {
 public:
  using failure_handler = void (*)(const std::exception_ptr&) noexcept;

  explicit scope(failure_handler on_failure) noexcept : on_failure_(on_failure) {}
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;
  ~scope() { SHOAL_CHECK(running_ == 0, "a scope was destroyed while its tasks were running"); }

  /// Runs `work` until its first suspension now, the rest as its events come.
  void spawn(task<> work);

  [[nodiscard]] std::size_t running() const noexcept { return running_; }

  /// For the children that shall end when request_stop() says so: hand it to them as an argument. The first call
  /// allocates the stop's state.
  [[nodiscard]] std::stop_token stop_token() {
    if (!stop_.stop_possible()) stop_ = std::stop_source{};
    return stop_.get_token();
  }
  /// Asks the children to end, now and for good: what they wait for with the token ends with errc::cancelled, from the
  /// run queue. join() waits until they have. Children that are spawned later see the stop from the start.
  void request_stop() {
    if (!stop_.stop_possible()) stop_ = std::stop_source{};
    stop_.request_stop();
  }

  /// Waits until no child runs.
  /// Resume rule: same shard, inside the event that finished the last child. One waiter. Stop: not interrupted.
  class [[nodiscard]] join_awaiter : public resume_item {
   public:
    explicit join_awaiter(scope& joined) noexcept : joined_(joined) {}
    [[nodiscard]] bool await_ready() const noexcept { return joined_.running_ == 0; }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      SHOAL_ASSERT(joined_.joiner_ == nullptr);
      waiting = handle;
      joined_.joiner_ = this;
    }
    void await_resume() const noexcept {}

   private:
    scope& joined_;
  };
  [[nodiscard]] join_awaiter join() noexcept { return join_awaiter{*this}; }

 private:
  struct child;
  void finished(child& done) noexcept;

  failure_handler on_failure_;
  std::stop_source stop_{std::nostopstate};
  std::size_t running_ = 0;
  run_item* joiner_ = nullptr;
};

}  // namespace shoal
