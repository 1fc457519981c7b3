// SPDX-License-Identifier: Apache-2.0
// mutex: one coroutine at a time, across its suspensions. Between suspensions a shard needs no lock: nothing else runs.
//
//   const auto held = co_await writing.lock();       // until `held` goes
//
// Thread rule: owner shard only, from construction to destruction: it does not guard against other threads. Allocates
//   nothing.
// Invariants: first come, first served: unlocking hands it to the first in line, so a newcomer never overtakes; not
//   recursive; it outlives its guard and who waits.
#pragma once

#include <shoal/core/wait_list.hpp>

#include <optional>
#include <utility>

namespace shoal {

class mutex {
 public:
  /// Holds the mutex, as long as it lives.
  class [[nodiscard]] guard {
   public:
    guard() noexcept = default;
    guard(guard&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
    guard& operator=(guard&& other) noexcept {
      if (this != &other) {
        unlock();
        held_ = std::exchange(other.held_, nullptr);
      }
      return *this;
    }
    ~guard() { unlock(); }

    [[nodiscard]] explicit operator bool() const noexcept { return held_ != nullptr; }
    /// Before the end of its life. The next in line goes into the run queue, and never runs inside this call.
    void unlock() noexcept {
      if (held_ != nullptr) std::exchange(held_, nullptr)->pass_on();
    }

   private:
    friend class mutex;
    explicit guard(mutex& held) noexcept : held_(&held) {}
    mutex* held_ = nullptr;
  };

  mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;
  ~mutex() { SHOAL_CHECK(!locked_, "a mutex was destroyed while it was held"); }

  class lock_awaiter;
  class stoppable_lock;
  /// Resume rule: same shard, at once when it is free, else from the run queue after it was passed on. Waiters: any
  /// number. Stop: without a token none (a guard), with one errc::cancelled (result<guard>).
  [[nodiscard]] lock_awaiter lock() noexcept;
  [[nodiscard]] stoppable_lock lock(std::stop_token stop) noexcept;
  /// Nothing when it is held.
  [[nodiscard]] std::optional<guard> try_lock() noexcept {
    if (!take()) return std::nullopt;
    return guard{*this};
  }
  [[nodiscard]] bool is_locked() const noexcept { return locked_; }

 private:
  [[nodiscard]] bool take() noexcept {
    line_.assert_home();
    return !std::exchange(locked_, true);
  }
  void pass_on() noexcept {
    line_.assert_home();
    SHOAL_ASSERT(locked_);
    if (line_.empty()) {
      locked_ = false;
    } else {
      line_.wake_front(detail::wait_phase::granted);  // it stays locked: the first in line has it now
    }
  }

  bool locked_ = false;
  detail::wait_list line_;
};

class mutex::stoppable_lock : public detail::waiter {
 public:
  stoppable_lock(mutex& wanted, std::stop_token stop) noexcept
      : waiter(wanted.line_, std::move(stop)), wanted_(wanted) {}
  stoppable_lock(const stoppable_lock&) = delete;
  stoppable_lock& operator=(const stoppable_lock&) = delete;
  ~stoppable_lock() {
    if (leave() == detail::wait_phase::granted) wanted_.pass_on();
  }
  [[nodiscard]] bool await_ready() noexcept {
    if (stop_requested()) return decide(detail::wait_phase::cancelled);
    return wanted_.take() && decide(detail::wait_phase::ready);
  }
  void await_suspend(std::coroutine_handle<> handle) noexcept { wait(handle); }
  [[nodiscard]] result<guard> await_resume() noexcept {
    if (const auto end = finish(); !end) return fail(end.error());
    return guard{wanted_};
  }

 private:
  mutex& wanted_;
};

class mutex::lock_awaiter final : public stoppable_lock {
 public:
  explicit lock_awaiter(mutex& wanted) noexcept : stoppable_lock(wanted, {}) {}
  [[nodiscard]] guard await_resume() noexcept { return *stoppable_lock::await_resume(); }
};

inline mutex::lock_awaiter mutex::lock() noexcept { return lock_awaiter{*this}; }
inline mutex::stoppable_lock mutex::lock(std::stop_token stop) noexcept {
  return stoppable_lock{*this, std::move(stop)};
}

}  // namespace shoal
