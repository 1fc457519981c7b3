// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/byte_chain.hpp>

#include <new>
#include <utility>

namespace shoal::detail {

byte_chain& byte_chain::operator=(byte_chain&& other) noexcept {
  if (this == &other) return *this;
  this->~byte_chain();
  return *::new (this) byte_chain{std::move(other)};
}

void byte_chain::drop_all() noexcept {
  release_kept();
  drop_all_of(read_);
  forget_chain();
  if (booked_ != nullptr) slab::drop_segment(std::exchange(booked_, nullptr));
}

bool byte_chain::pin_first() noexcept {
  segment* pin = slab_->share(read_->owner, read_->begin, read_->end, draw::reserve);
  if (pin == nullptr) return false;
  keep(pin);
  return true;
}

void byte_chain::advance(std::size_t n) noexcept {
  while (n > 0) {
    const std::size_t step = n < read_->size() ? n : read_->size();
    drop_front(step);
    n -= step;
  }
}

}  // namespace shoal::detail
