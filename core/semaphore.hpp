// SPDX-License-Identifier: Apache-2.0
// semaphore: so many units; who wants more than are left waits. The limit on everything that a shard runs at once.
//
//   semaphore room{64};
//   auto mine = co_await room.acquire();       // result<semaphore::units>; given back when `mine` goes
//
// Thread rule: owner shard only, from construction to destruction. Allocates nothing.
// Invariants:
//  1. First come, first served, whatever the counts: who wants 5 is not overtaken by who wants 1. So somebody in line
//     means that there is too little for the first of it.
//  2. It outlives its units and who waits for them.
#pragma once

#include <shoal/core/wait_list.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace shoal {

class semaphore {
 public:
  /// Units that were acquired, given back at the end of its life.
  class [[nodiscard]] units {
   public:
    units() noexcept = default;
    units(units&& other) noexcept
        : from_(std::exchange(other.from_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    units& operator=(units&& other) noexcept {
      if (this != &other) {
        release();
        from_ = std::exchange(other.from_, nullptr);
        count_ = std::exchange(other.count_, 0);
      }
      return *this;
    }
    ~units() { release(); }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    /// Gives them back now.
    void release() noexcept {
      if (from_ != nullptr) std::exchange(from_, nullptr)->release(std::exchange(count_, 0));
    }
    /// Keeps them for good: whoever forgets calls semaphore::release() in time.
    std::size_t forget() noexcept {
      from_ = nullptr;
      return std::exchange(count_, 0);
    }

   private:
    friend class semaphore;
    units(semaphore& from, std::size_t count) noexcept : from_(&from), count_(count) {}
    semaphore* from_ = nullptr;
    std::size_t count_ = 0;
  };

  explicit semaphore(std::size_t count) noexcept : available_(count) {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;
  ~semaphore() = default;

  class acquire_awaiter;
  /// Waits for `count` units; more than there will ever be are waited for until the stop or close().
  /// Resume rule: same shard, at once when they are there and nobody waits, else from the run queue after a release.
  /// Waiters: any number. Stop: errc::cancelled. After close(): errc::closed.
  [[nodiscard]] acquire_awaiter acquire(std::size_t count = 1) noexcept;
  [[nodiscard]] acquire_awaiter acquire(std::size_t count, std::stop_token stop) noexcept;
  /// Without waiting; nothing when they are not there, somebody waits for them, or it is closed.
  [[nodiscard]] std::optional<units> try_acquire(std::size_t count = 1) noexcept;

  /// Adds units. Who now has what he waited for goes into the run queue, and never runs inside this call.
  void release(std::size_t count = 1) noexcept;
  /// Ends all waits, and those to come, with errc::closed. Units may still be given back.
  void close() noexcept;

  [[nodiscard]] std::size_t available() const noexcept { return available_; }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }

 private:
  [[nodiscard]] bool take(std::size_t count) noexcept;
  void serve() noexcept;

  std::size_t available_;
  bool closed_ = false;
  detail::wait_list line_;
};

class [[nodiscard]] semaphore::acquire_awaiter final : public detail::waiter {
 public:
  acquire_awaiter(semaphore& from, std::size_t count, std::stop_token stop) noexcept
      : waiter(from.line_, std::move(stop),
               [](waiter& self) noexcept { static_cast<acquire_awaiter&>(self).from_.serve(); }),
        from_(from),
        count_(count) {}
  ~acquire_awaiter();
  [[nodiscard]] bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> handle) noexcept { wait(handle); }
  [[nodiscard]] result<units> await_resume() noexcept;

 private:
  friend class semaphore;
  semaphore& from_;
  std::size_t count_;
};

inline semaphore::acquire_awaiter semaphore::acquire(std::size_t count) noexcept {
  return acquire_awaiter{*this, count, {}};
}
inline semaphore::acquire_awaiter semaphore::acquire(std::size_t count, std::stop_token stop) noexcept {
  return acquire_awaiter{*this, count, std::move(stop)};
}

}  // namespace shoal
