// SPDX-License-Identifier: Apache-2.0
// channel<T>: a bounded queue between coroutines of one shard. Who pushes into a full one waits, and who pops from an
// empty one.
//
//   channel<job> jobs{128};
//   if (auto sent = co_await jobs.push(std::move(work)); !sent) ...     // closed or stopped: `work` is still there
//   while (auto work = co_await jobs.pop()) run(*work);                 // until closed and empty
//
//   pushers in line -> [ o o o o . . ] -> poppers in line
//                        `- the first ones promised to poppers who are in the run queue
//
// Thread rule: owner shard only, from construction to destruction (across shards: submit_to a function that pushes).
// Allocates: the ring, when it is made; a wait nothing. T may be move-only; its move must not throw.
// Invariants:
//  1. Values leave in the order in which their pushes began; poppers are served in the order in which they came.
//  2. Pushers wait only while the ring is full, poppers only while every value in it is promised.
//  3. It outlives who waits and who has been promised a value.
#pragma once

#include <shoal/core/wait_list.hpp>

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace shoal {

template <class T>
class channel {
  static_assert(std::is_nothrow_move_constructible_v<T> && !std::is_reference_v<T>);

 public:
  /// Room for so many values, at least one.
  explicit channel(std::size_t capacity) : ring_(capacity) { SHOAL_CHECK(capacity != 0, "a channel without room"); }
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;
  ~channel() = default;

  class push_awaiter;
  /// The value is moved from when there is room for it, and until then stays where it is: it must outlive the wait (a
  /// temporary of the co_await expression does), and a value that is refused is still the caller's.
  /// Resume rule: same shard, at once when there is room, else from the run queue after a pop has made some. Waiters:
  /// any number. Stop: errc::cancelled. After close(): errc::closed.
  [[nodiscard]] push_awaiter push(T&& value) noexcept { return push_awaiter{*this, value, {}}; }
  [[nodiscard]] push_awaiter push(T&& value, std::stop_token stop) noexcept {
    return push_awaiter{*this, value, std::move(stop)};
  }
  /// Without waiting: errc::would_block when it is full, errc::closed; then the value is still the caller's.
  [[nodiscard]] result<void> try_push(T&& value) noexcept {
    pushers_.assert_home();
    if (closed_) return fail(errc::closed);
    if (is_full()) return fail(errc::would_block);
    put(value);
    return {};
  }

  class pop_awaiter;
  /// Resume rule: same shard, at once when a value is there that nobody was promised, else from the run queue after a
  /// push. Waiters: any number. Stop: errc::cancelled, never with the loss of a value. Closed and empty: errc::closed.
  [[nodiscard]] pop_awaiter pop() noexcept { return pop_awaiter{*this, {}}; }
  [[nodiscard]] pop_awaiter pop(std::stop_token stop) noexcept { return pop_awaiter{*this, std::move(stop)}; }
  /// Without waiting: errc::would_block when nothing is there, errc::closed when nothing will come either.
  [[nodiscard]] result<T> try_pop() noexcept {
    poppers_.assert_home();
    if (has_value()) return take();
    return fail(closed_ ? errc::closed : errc::would_block);
  }

  /// Nothing is pushed any more; who waits to push gets errc::closed. What is in it can still be popped.
  void close() noexcept {
    pushers_.assert_home();
    closed_ = true;
    pushers_.wake_all(detail::wait_phase::closed);
    poppers_.wake_all(detail::wait_phase::closed);  // they wait because there is nothing for them
  }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return ring_.size(); }

 private:
  [[nodiscard]] bool is_full() const noexcept { return size_ == ring_.size(); }
  [[nodiscard]] bool has_value() const noexcept { return size_ != promised_; }
  void put(T& value) noexcept {
    SHOAL_ASSERT(!is_full());
    ring_[(first_ + size_) % ring_.size()].emplace(std::move(value));
    ++size_;
    promise_one();
  }
  /// The oldest value; the first pusher in line gets its room.
  [[nodiscard]] T take() noexcept;
  /// A value that nobody was promised goes to the first popper in line.
  void promise_one() noexcept {
    if (poppers_.empty() || !has_value()) return;
    ++promised_;
    poppers_.wake_front(detail::wait_phase::granted);
  }

  std::vector<std::optional<T>> ring_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::size_t promised_ = 0;
  bool closed_ = false;
  detail::wait_list pushers_;
  detail::wait_list poppers_;
};

template <class T>
class [[nodiscard]] channel<T>::push_awaiter final : public detail::waiter {
 public:
  push_awaiter(channel& into, T& value, std::stop_token stop) noexcept
      : waiter(into.pushers_, std::move(stop)), into_(into), value_(value) {}
  [[nodiscard]] bool await_ready() noexcept {
    into_.pushers_.assert_home();
    if (stop_requested()) return decide(detail::wait_phase::cancelled);
    if (into_.closed_) return decide(detail::wait_phase::closed);
    if (into_.is_full()) return false;
    into_.put(value_);
    return decide(detail::wait_phase::ready);
  }
  void await_suspend(std::coroutine_handle<> handle) noexcept { wait(handle); }
  [[nodiscard]] result<void> await_resume() noexcept { return finish(); }

 private:
  friend class channel;
  channel& into_;
  T& value_;
};

template <class T>
class [[nodiscard]] channel<T>::pop_awaiter final : public detail::waiter {
 public:
  pop_awaiter(channel& from, std::stop_token stop) noexcept : waiter(from.poppers_, std::move(stop)), from_(from) {}
  pop_awaiter(const pop_awaiter&) = delete;
  pop_awaiter& operator=(const pop_awaiter&) = delete;
  ~pop_awaiter() {
    if (leave() != detail::wait_phase::granted) return;
    --from_.promised_;
    from_.promise_one();
  }
  [[nodiscard]] bool await_ready() noexcept {
    from_.poppers_.assert_home();
    if (stop_requested()) return decide(detail::wait_phase::cancelled);
    if (from_.has_value()) {
      ++from_.promised_;
      return decide(detail::wait_phase::ready);
    }
    return from_.closed_ && decide(detail::wait_phase::closed);
  }
  void await_suspend(std::coroutine_handle<> handle) noexcept { wait(handle); }
  [[nodiscard]] result<T> await_resume() noexcept {
    if (const auto end = finish(); !end) return fail(end.error());
    --from_.promised_;
    return from_.take();
  }

 private:
  channel& from_;
};

template <class T>
T channel<T>::take() noexcept {
  std::optional<T>& oldest = ring_[first_];
  T value = std::move(*oldest);
  oldest.reset();
  first_ = (first_ + 1) % ring_.size();
  --size_;
  if (!pushers_.empty()) {
    auto& next = static_cast<push_awaiter&>(pushers_.front());
    pushers_.wake(next, detail::wait_phase::granted);
    put(next.value_);
  }
  return value;
}

}  // namespace shoal
