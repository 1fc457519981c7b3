// SPDX-License-Identifier: Apache-2.0
// task<T>: the one async style (D2). A coroutine that starts when awaited and hands its value to who awaits it.
//
//   created --co_await/start--> running --suspends on an awaitable--> waiting --event--> running --co_return-->
//   finished
//                                                                                     continuation runs, then the frame
//                                                                                     goes
//
// Resume rule: the awaiting coroutine resumes on the same shard; inside the co_await when the child finished without
//   suspending, else inside the event that finished the child, to a depth of inline_depth_limit; deeper, from the run
//   queue. So a loop of ready awaits uses constant stack in every build (D10); symmetric transfer would only at -O2.
// Waiters: one. Stop: a task is not cancelled from outside; what it waits for ends with an error. Lifetime: the task
// object
//   owns the frame and must outlive it: a frame that has started is destroyed only when it has finished.
// Frames come from the shard's slab, its reserve included (D9, D15).
//
// D13, measured on GCC 12: inside a co_awaiting expression no capturing lambda, no braced options, no `?:`.
#pragma once

#include <shoal/buffers/check.hpp>
#include <shoal/core/frame_memory.hpp>
#include <shoal/core/run_item.hpp>
#include <shoal/core/shard.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace shoal {

template <class T = void>
class task;

namespace detail {

/// What every promise of task<T> shares. As a run_item it starts (or continues) the coroutine from the run queue.
class task_promise_base : public run_item {
 public:
  explicit task_promise_base(function resume_self) noexcept : run_item(resume_self) {}

  static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { free_frame(frame, bytes); }

  struct final_awaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
      // Once the continuation runs, the frame (and this awaiter) may be gone.
      run_item* next = finished.promise().continuation;
      if (next != nullptr) shard::current().run_or_schedule(*next);
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

  run_item* continuation = nullptr;
  bool started = false;

 protected:
  void rethrow_if_failed() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::exception_ptr exception_;
};

template <class T>
class task_promise final : public task_promise_base {
 public:
  task_promise() noexcept
      : task_promise_base([](run_item& item) {
          std::coroutine_handle<task_promise>::from_promise(static_cast<task_promise&>(item)).resume();
        }) {}
  [[nodiscard]] task<T> get_return_object() noexcept;
  template <class U = T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  [[nodiscard]] T take() {
    rethrow_if_failed();
    SHOAL_ASSERT(value_.has_value());
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class task_promise<void> final : public task_promise_base {
 public:
  task_promise() noexcept
      : task_promise_base([](run_item& item) {
          std::coroutine_handle<task_promise>::from_promise(static_cast<task_promise&>(item)).resume();
        }) {}
  [[nodiscard]] task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const { rethrow_if_failed(); }
};

}  // namespace detail

template <class T>
class [[nodiscard]] task {
 public:
  using promise_type = detail::task_promise<T>;
  using value_type = T;

  task() noexcept = default;
  task(task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      destroy();
      frame_ = std::exchange(other.frame_, {});
    }
    return *this;
  }
  ~task() { destroy(); }

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(frame_); }
  [[nodiscard]] bool done() const noexcept { return frame_ && frame_.done(); }

  /// For owners that are no coroutine (connections, scopes): runs until the first suspension. True when it has already
  /// finished; else `when_done` runs once when it does. Then take() gives the value or throws.
  [[nodiscard]] bool start(run_item& when_done) {
    shard& here = shard::current();
    auto& promise = frame_.promise();
    SHOAL_ASSERT(!promise.started);
    promise.started = true;
    if (!here.enter_inline()) {
      promise.continuation = &when_done;
      here.schedule(promise);
      return false;
    }
    frame_.resume();
    here.leave_inline();
    if (frame_.done()) return true;
    promise.continuation = &when_done;
    return false;
  }
  [[nodiscard]] T take() { return frame_.promise().take(); }

  class awaiter : public resume_item {
   public:
    explicit awaiter(task& child) noexcept : child_(child) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> parent) {
      waiting = parent;
      return !child_.start(*this);
    }
    [[nodiscard]] T await_resume() { return child_.take(); }

   private:
    task& child_;
  };
  /// The task must outlive the co_await; a temporary does.
  [[nodiscard]] awaiter operator co_await() && noexcept { return awaiter{*this}; }
  [[nodiscard]] awaiter operator co_await() & noexcept { return awaiter{*this}; }

 private:
  friend promise_type;
  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  void destroy() noexcept {
    if (!frame_) return;
    SHOAL_CHECK(!frame_.promise().started || frame_.done(), "a task was destroyed while its coroutine was waiting");
    std::exchange(frame_, {}).destroy();
  }

  std::coroutine_handle<promise_type> frame_;
};

template <class T>
task<T> detail::task_promise<T>::get_return_object() noexcept {
  return task<T>{std::coroutine_handle<task_promise>::from_promise(*this)};
}
inline task<void> detail::task_promise<void>::get_return_object() noexcept {
  return task<void>{std::coroutine_handle<task_promise>::from_promise(*this)};
}

}  // namespace shoal
