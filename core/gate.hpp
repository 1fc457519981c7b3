// SPDX-License-Identifier: Apache-2.0
// gate: counts what is going on inside something, so that its end can wait for it.
//
//   auto inside = requests.enter();                  // fails once the gate is closed
//   if (!inside) co_return inside.error();
//   ...                                              // until `inside` goes
//   co_await requests.close();                       // nobody enters any more; waits until all have left
//
// Thread rule: owner shard only, from construction to destruction. Allocates nothing.
// Invariants: a closed gate stays closed; it outlives its holders and who waits in close().
#pragma once

#include <shoal/core/wait_list.hpp>

#include <cstddef>
#include <utility>

namespace shoal {

class gate {
 public:
  /// Inside, as long as it lives.
  class [[nodiscard]] holder {
   public:
    holder() noexcept = default;
    holder(holder&& other) noexcept : entered_(std::exchange(other.entered_, nullptr)) {}
    holder& operator=(holder&& other) noexcept {
      if (this != &other) {
        leave();
        entered_ = std::exchange(other.entered_, nullptr);
      }
      return *this;
    }
    ~holder() { leave(); }

    [[nodiscard]] explicit operator bool() const noexcept { return entered_ != nullptr; }
    /// Before the end of its life.
    void leave() noexcept {
      if (entered_ != nullptr) std::exchange(entered_, nullptr)->left();
    }

   private:
    friend class gate;
    explicit holder(gate& entered) noexcept : entered_(&entered) {}
    gate* entered_ = nullptr;
  };

  gate() noexcept = default;
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;
  ~gate() { SHOAL_CHECK(holders_ == 0, "a gate was destroyed while somebody was inside"); }

  /// errc::closed once close() has been called.
  [[nodiscard]] result<holder> enter() noexcept {
    closers_.assert_home();
    if (closed_) return fail(errc::closed);
    ++holders_;
    return holder{*this};
  }
  [[nodiscard]] std::size_t holders() const noexcept { return holders_; }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }

  class close_awaiter;
  class stoppable_close;
  /// Closes at once, awaited or not; the wait is for the last holder to leave.
  /// Resume rule: same shard, at once when nobody is inside, else from the run queue after the last has left. Waiters:
  /// any number. Stop: without a token none, with one it ends with errc::cancelled and the gate stays closed.
  close_awaiter close() noexcept;
  stoppable_close close(std::stop_token stop) noexcept;

 private:
  void left() noexcept {
    closers_.assert_home();
    SHOAL_ASSERT(holders_ != 0);
    if (--holders_ == 0) closers_.wake_all(detail::wait_phase::granted);
  }

  std::size_t holders_ = 0;
  bool closed_ = false;
  detail::wait_list closers_;
};

class gate::stoppable_close : public detail::waiter {
 public:
  stoppable_close(gate& closed, std::stop_token stop) noexcept
      : waiter(closed.closers_, std::move(stop)), closed_(closed) {
    closed.closers_.assert_home();
    closed.closed_ = true;
  }
  [[nodiscard]] bool await_ready() noexcept {
    if (stop_requested()) return decide(detail::wait_phase::cancelled);
    return closed_.holders_ == 0 && decide(detail::wait_phase::ready);
  }
  void await_suspend(std::coroutine_handle<> handle) noexcept { wait(handle); }
  [[nodiscard]] result<void> await_resume() noexcept { return finish(); }

 private:
  gate& closed_;
};

class gate::close_awaiter final : public stoppable_close {
 public:
  explicit close_awaiter(gate& closed) noexcept : stoppable_close(closed, {}) {}
  void await_resume() noexcept { static_cast<void>(finish()); }
};

inline gate::close_awaiter gate::close() noexcept { return close_awaiter{*this}; }
inline gate::stoppable_close gate::close(std::stop_token stop) noexcept {
  return stoppable_close{*this, std::move(stop)};
}

}  // namespace shoal
