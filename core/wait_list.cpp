// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/wait_list.hpp>

namespace shoal::detail {

void waiter::wait(std::coroutine_handle<> handle) noexcept {
  SHOAL_ASSERT(phase_ == wait_phase::fresh);
  waiting = handle;
  stand_in_line();
}

bool waiter::wait_again() noexcept {
  SHOAL_ASSERT(phase_ == wait_phase::granted);
  --list_.granted_;
  if (stop_.requested()) {
    phase_ = wait_phase::cancelled;
    return false;
  }
  stand_in_line();
  return true;
}

void waiter::stand_in_line() noexcept {
  list_.assert_home();
  phase_ = wait_phase::waiting;
  list_.line_.push_back(*this);
  stop_.arm();
}

result<void> waiter::finish() noexcept {
  const wait_phase end = leave();
  if (end == wait_phase::cancelled) return fail(errc::cancelled);
  if (end == wait_phase::closed) return fail(errc::closed);
  SHOAL_ASSERT(end == wait_phase::ready || end == wait_phase::granted);
  return {};
}

wait_phase waiter::leave() noexcept {
  const wait_phase before = phase_;
  phase_ = wait_phase::over;
  stop_.disarm();
  if (before == wait_phase::waiting) place_.unlink();
  if (before == wait_phase::granted) --list_.granted_;
  // Only a frame that is destroyed before its turn is still in the queue.
  if (is_linked()) shard::current().unschedule(*this);
  return before;
}

void waiter::on_stop() noexcept {
  list_.assert_home();
  list_.wake(*this, wait_phase::cancelled);
  if (left_ != nullptr) left_(*this);
}

void wait_list::wake(waiter& who, wait_phase how) noexcept {
  assert_home();
  SHOAL_ASSERT(who.phase_ == wait_phase::waiting);
  who.place_.unlink();
  who.stop_.disarm();
  who.phase_ = how;
  if (how == wait_phase::granted) ++granted_;
  home_.schedule(who);
}

}  // namespace shoal::detail
