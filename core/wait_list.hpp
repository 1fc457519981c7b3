// SPDX-License-Identifier: Apache-2.0
// wait_list and waiter: what gate, semaphore, mutex, condition and channel have in common. A waiter is the part of an
// awaiter that stands in line; it lives in the waiting frame, so that a wait allocates nothing.
//
//   fresh --decide()--> ready | cancelled | closed          in await_ready: no suspension
//     |
//     +--wait()--> waiting --wake()--> granted | cancelled | closed --run queue--> resumed
//                     |                   |
//                     +-- the frame is destroyed: leave() tells what must be given back
//
// Thread rule: owner shard only, from construction to destruction.
// Invariants:
//  1. First in, first out. wake() never resumes anybody inside the call: it puts him into the shard's run queue, so the
//     stack stays flat and whoever calls release(), push() or close() goes on undisturbed (D10).
//  2. A stop that was requested before the wait ends it, even if it need not wait; one requested later ends it only
//     while it stands in line. What was granted stays granted. One stop may end many waits, in any order.
//  3. A waiter may be destroyed in every state.
//  4. The list outlives who stands in it and who was granted something and has not been resumed.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/run_item.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/core/stop_link.hpp>

#include <boost/intrusive/list.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <stop_token>

namespace shoal::detail {

class wait_list;

enum class wait_phase : std::uint8_t {
  fresh,
  waiting,
  ready,      ///< had what it wanted without waiting
  granted,    ///< was given it by another; not resumed yet
  cancelled,  ///< the stop_token's stop
  closed,
  over,
};

class waiter : public resume_item {
 public:
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

 protected:
  /// Called after a stop has taken the waiter out of the line: others behind it may go on now.
  using left_function = void (*)(waiter&) noexcept;

  explicit waiter(wait_list& list, std::stop_token stop = {}, left_function left = nullptr) noexcept
      : list_(list), left_(left), stop_(*this, std::move(stop)) {}
  ~waiter() { leave(); }

  [[nodiscard]] bool stop_requested() const noexcept { return stop_.requested(); }
  [[nodiscard]] bool is_granted() const noexcept { return phase_ == wait_phase::granted; }
  /// For await_ready(): the wait is over before it began.
  bool decide(wait_phase end) noexcept {
    phase_ = end;
    return true;
  }
  /// For await_suspend(): goes to the end of the line.
  void wait(std::coroutine_handle<> handle) noexcept;
  /// For a woken waiter that finds it must wait on; false when it has been stopped meanwhile.
  [[nodiscard]] bool wait_again() noexcept;
  /// For await_resume(): how it ended.
  [[nodiscard]] result<void> finish() noexcept;
  /// For destructors: leaves the line or the run queue. What it was before.
  wait_phase leave() noexcept;

 private:
  friend class wait_list;
  friend class stop_link<waiter>;
  using hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  void on_stop() noexcept;
  void stand_in_line() noexcept;

  wait_list& list_;
  left_function left_;
  hook place_;
  stop_link<waiter> stop_;
  wait_phase phase_ = wait_phase::fresh;
};

class wait_list {
 public:
  wait_list() noexcept : home_(shard::current()) {}
  wait_list(const wait_list&) = delete;
  wait_list& operator=(const wait_list&) = delete;
  ~wait_list() { SHOAL_CHECK(line_.empty() && granted_ == 0, "something was destroyed that somebody waits for"); }

  [[nodiscard]] bool empty() const noexcept { return line_.empty(); }
  /// Who has waited longest; the list is not empty.
  [[nodiscard]] waiter& front() noexcept { return line_.front(); }
  /// Takes `who` out of the line and into the run queue.
  void wake(waiter& who, wait_phase how) noexcept;
  void wake_front(wait_phase how) noexcept { wake(line_.front(), how); }
  /// Those who wait now.
  void wake_all(wait_phase how) noexcept {
    while (!line_.empty()) wake_front(how);
  }
  void assert_home() const noexcept { SHOAL_ASSERT(&shard::current() == &home_); }

 private:
  friend class waiter;
  using line = boost::intrusive::list<waiter, boost::intrusive::member_hook<waiter, waiter::hook, &waiter::place_>,
                                      boost::intrusive::constant_time_size<false>>;

  shard& home_;
  std::size_t granted_ = 0;  // woken with what they wanted, and not resumed yet
  line line_;
};

}  // namespace shoal::detail
