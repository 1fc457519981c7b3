// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/dial_pause.hpp>

#include <shoal/buffers/errc.hpp>

namespace shoal {

dial_pause::end_timer::end_timer(dial_pause& by) noexcept
    : timer([](timer& t) noexcept {
        dial_pause& self = static_cast<end_timer&>(t).owner;
        self.over_ = true;
        self.hook_.unlink();
        self.here_.run_or_schedule(self);
      }),
      owner(by) {}

dial_pause::dial_pause(shard& here, instant until) noexcept : here_(here), until_(until) {}

void dial_pause::await_suspend(std::coroutine_handle<> handle) {
  waiting = handle;
  here_.timers().arm(timer_, until_);
  here_.local<dial_pauses>().add(*this);
}

void dial_pause::end(std::error_code why) noexcept {
  if (over_ || !waiting) return;
  over_ = true;
  outcome_ = why;
  here_.timers().cancel(timer_);
  hook_.unlink();
  here_.schedule(*this);
}

void dial_pauses::add(dial_pause& p) noexcept {
  waiting_.push_back(p);
  if (stopped_) p.end(errc::stopped);
}

void dial_pauses::stop() noexcept {
  stopped_ = true;
  while (!waiting_.empty()) waiting_.front().end(errc::stopped);
}

}  // namespace shoal
