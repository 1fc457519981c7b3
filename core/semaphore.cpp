// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/semaphore.hpp>

namespace shoal {

using detail::wait_phase;

bool semaphore::take(std::size_t count) noexcept {
  line_.assert_home();
  if (closed_ || !line_.empty() || available_ < count) return false;
  available_ -= count;
  return true;
}

std::optional<semaphore::units> semaphore::try_acquire(std::size_t count) noexcept {
  if (!take(count)) return std::nullopt;
  return units{*this, count};
}

void semaphore::release(std::size_t count) noexcept {
  line_.assert_home();
  available_ += count;
  SHOAL_ASSERT(available_ >= count);
  serve();
}

void semaphore::serve() noexcept {
  while (!line_.empty()) {
    auto& first = static_cast<acquire_awaiter&>(line_.front());
    if (available_ < first.count_) return;
    available_ -= first.count_;
    line_.wake(first, wait_phase::granted);
  }
}

void semaphore::close() noexcept {
  line_.assert_home();
  closed_ = true;
  line_.wake_all(wait_phase::closed);
}

semaphore::acquire_awaiter::~acquire_awaiter() {
  const wait_phase before = leave();
  if (before == wait_phase::granted) from_.release(count_);
  if (before == wait_phase::waiting) from_.serve();
}

bool semaphore::acquire_awaiter::await_ready() noexcept {
  if (stop_requested()) return decide(wait_phase::cancelled);
  if (from_.closed_) return decide(wait_phase::closed);
  return from_.take(count_) && decide(wait_phase::ready);
}

result<semaphore::units> semaphore::acquire_awaiter::await_resume() noexcept {
  if (const auto end = finish(); !end) return fail(end.error());
  return units{from_, count_};
}

}  // namespace shoal
