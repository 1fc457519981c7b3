// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/connection_handle.hpp>

namespace shoal {

connection_handle::connection_handle(const connection& c) : target_(std::make_shared<target>()) {
  target_->run = c.owner().owner().link();
  target_->id = c.id();
}

bool connection_handle::share::take(const target_ptr& of, std::size_t bytes) noexcept {
  const std::size_t before = of->posted_bytes.fetch_add(bytes, std::memory_order_relaxed);
  if (before != 0 && before + bytes > max_posted_bytes) {
    of->posted_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  of_ = of;
  bytes_ = bytes;
  return true;
}

std::error_code connection_handle::send(std::unique_ptr<errand>& work, errand::when_full full) const {
  if (target_ == nullptr) return make_error_code(errc::stale_connection);
  const shard* here = shard::current_or_null();
  const bool own = here != nullptr && here->owner().link() == target_->run;
  return errand::send(work, *target_->run, own, target_->id, full);
}

struct connection_handle::close_errand final : errand {
  close_errand(close_how with, std::error_code because) noexcept : how(with), reason(because) {}
  void open(connection* c) override {
    if (c != nullptr) c->close(how, reason);
  }
  close_how how;
  std::error_code reason;
};

std::error_code connection_handle::close(close_how how, std::error_code reason) const {
  std::unique_ptr<errand> work = std::make_unique<close_errand>(how, reason);
  return send(work, errand::when_full::wait);
}

}  // namespace shoal
