// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/signal_events.hpp>

#include <shoal/core/runtime.hpp>

#include <utility>

namespace shoal {

signal_events::signal_events(runtime& owner, int signal_number, shard_id on) : owner_(owner), on_(on) {
  owner_.add(*this);
  // The runtime may listen longer than this object lives.
  owner_.on_signal(signal_number, [self = self_] {
    if (*self == nullptr) return;
    // Refused when the runtime stops: then nobody is interested any more.
    [[maybe_unused]] const auto done = (*self)->owner_.post((*self)->on_, [to = *self] { to->note(1); });
  });
}

signal_events::~signal_events() {
  SHOAL_CHECK(waiter_ == nullptr, "somebody waits for a signal whose signal_events is destroyed");
  *self_ = nullptr;
  owner_.remove(*this);
}

std::expected<void, start_failure> signal_events::prepare(runtime& owner) {
  if (on_ >= owner.shards()) {
    return std::unexpected(
        start_failure{make_error_code(errc::invalid_argument),
                      "signals are to be delivered to shard " + std::to_string(on_) + ", which does not exist"});
  }
  return {};
}

void signal_events::start(shard& here) {
  if (here.id() != on_) return;
  stopped_ = false;
  count_ = 0;
}

task<> signal_events::stop(shard& here, instant) {
  if (here.id() != on_) co_return;
  stopped_ = true;
  wake();
}

void signal_events::note(std::uint64_t count) {
  count_ += count;
  wake();
}

void signal_events::wake() noexcept {
  if (waiter_ == nullptr) return;
  next_awaiter& waiter = *waiter_;
  shard::current().run_or_schedule(waiter);
}

result<std::uint64_t> signal_events::next_awaiter::await_resume() noexcept {
  const bool waited = from_.waiter_ == this;
  if (!waited && from_.waiter_ != nullptr) return fail(errc::concurrent_access);
  if (waited) from_.waiter_ = nullptr;
  if (from_.count_ != 0) return std::exchange(from_.count_, 0);
  return fail(errc::stopped);
}

}  // namespace shoal
