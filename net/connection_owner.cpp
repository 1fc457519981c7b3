// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/connection_owner.hpp>

namespace shoal {

connection_owner::connection_owner(connection& c) noexcept : held_(&c) { c.owned_ = true; }

connection_owner& connection_owner::operator=(connection_owner&& other) noexcept {
  if (this != &other) {
    reset();
    held_ = std::exchange(other.held_, nullptr);
  }
  return *this;
}

connection& connection_owner::release() noexcept {
  connection& c = *std::exchange(held_, nullptr);
  c.owned_ = false;
  c.owner().schedule_delivery(c);
  return c;
}

void connection_owner::reset() noexcept {
  if (held_ == nullptr) return;
  held_->close();
  release();
}

}  // namespace shoal
