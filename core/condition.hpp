// SPDX-License-Identifier: Apache-2.0
// condition: wait until something about the shard's own data is true; who changes the data notifies.
//
//   const auto has_work = [&queue] { return !queue.empty(); };     // a named variable (D13)
//   co_await changed.wait(has_work);
//   ...
//   queue.push_back(job);
//   changed.notify_one();
//
// Thread rule: owner shard only, from construction to destruction. Allocates nothing. No mutex belongs to it: between
//   two suspensions nothing else runs on a shard.
// Invariants: the predicate is true when wait() returns without an error, and nothing has run in between; it outlives
//   who waits.
#pragma once

#include <shoal/core/wait_list.hpp>

#include <concepts>
#include <exception>
#include <utility>

namespace shoal {

class condition {
 public:
  condition() noexcept = default;
  condition(const condition&) = delete;
  condition& operator=(const condition&) = delete;
  ~condition() = default;

  template <std::predicate Predicate>
  class stoppable_wait;
  template <std::predicate Predicate>
  class wait_awaiter;
  /// Waits until the predicate is true. It is copied, asked at once and then after each notification; what it throws is
  /// thrown here.
  /// Resume rule: same shard, at once when it is true, else from the run queue after a notification. Waiters: any
  /// number, notified first come first served; who finds his predicate still false goes to the end of the line. Stop:
  /// without a token none, with one errc::cancelled (result<void>).
  template <std::predicate Predicate>
  [[nodiscard]] wait_awaiter<Predicate> wait(const Predicate& predicate) {
    return wait_awaiter<Predicate>{*this, predicate};
  }
  template <std::predicate Predicate>
  [[nodiscard]] stoppable_wait<Predicate> wait(const Predicate& predicate, std::stop_token stop) {
    return stoppable_wait<Predicate>{*this, predicate, std::move(stop)};
  }

  /// The first in line looks at his predicate, from the run queue: nobody runs inside this call. Without anybody in
  /// line it is forgotten; a notification that finds a predicate false is used up.
  void notify_one() noexcept {
    line_.assert_home();
    if (!line_.empty()) line_.wake_front(detail::wait_phase::granted);
  }
  void notify_all() noexcept {
    line_.assert_home();
    line_.wake_all(detail::wait_phase::granted);
  }

 private:
  detail::wait_list line_;
};

template <std::predicate Predicate>
class condition::stoppable_wait : public detail::waiter {
 public:
  stoppable_wait(condition& on, const Predicate& predicate, std::stop_token stop)
      : waiter(on.line_, std::move(stop)), on_(on), predicate_(predicate) {
    run = [](run_item& item) { static_cast<stoppable_wait&>(item).look(); };
  }
  stoppable_wait(const stoppable_wait&) = delete;
  stoppable_wait& operator=(const stoppable_wait&) = delete;
  ~stoppable_wait() {
    // The notification is still good for another.
    if (leave() == detail::wait_phase::granted) on_.notify_one();
  }
  [[nodiscard]] bool await_ready() {
    on_.line_.assert_home();
    if (stop_requested()) return decide(detail::wait_phase::cancelled);
    return predicate_() && decide(detail::wait_phase::ready);
  }
  void await_suspend(std::coroutine_handle<> handle) noexcept { wait(handle); }
  [[nodiscard]] result<void> await_resume() {
    const auto end = finish();
    if (failure_) std::rethrow_exception(failure_);
    return end;
  }

 private:
  /// In the run queue's turn.
  void look() {
    if (!may_go_on() && wait_again()) return;
    waiting.resume();
  }
  [[nodiscard]] bool may_go_on() noexcept {
    if (!is_granted()) return true;
    try {
      return predicate_();
    } catch (...) {
      failure_ = std::current_exception();
      return true;
    }
  }

  condition& on_;
  Predicate predicate_;
  std::exception_ptr failure_;
};

template <std::predicate Predicate>
class condition::wait_awaiter final : public stoppable_wait<Predicate> {
 public:
  wait_awaiter(condition& on, const Predicate& predicate) : stoppable_wait<Predicate>(on, predicate, {}) {}
  void await_resume() { static_cast<void>(stoppable_wait<Predicate>::await_resume()); }
};

}  // namespace shoal
