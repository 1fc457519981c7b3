// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/poller/uring_buffers.hpp>

#include <shoal/buffers/check.hpp>

#include <liburing.h>

#include <sys/mman.h>

#include <algorithm>
#include <utility>

namespace shoal {
namespace {

constexpr std::size_t shared_bytes = uring_buffers::blocks_at_most * sizeof(io_uring_buf);

}  // namespace

void uring_buffers::unmapped::operator()(io_uring_buf_ring* ring) const noexcept { ::munmap(ring, shared_bytes); }

bool uring_buffers::ready() {
  if (memory_ == nullptr || impossible_) return false;
  if (shared_ == nullptr) {
    void* const mapped = ::mmap(nullptr, shared_bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (mapped == MAP_FAILED) return false;
    shared_.reset(static_cast<io_uring_buf_ring*>(mapped));
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(mapped);
    registration.ring_entries = blocks_at_most;
    registration.bgid = group;
    if (io_uring_register_buf_ring(ring_, &registration, 0) != 0) {  // of memory; the probe has seen it work
      shared_.reset();
      impossible_ = true;
      return false;
    }
    io_uring_buf_ring_init(shared_.get());
    extend(blocks_at_first);
  }
  return blocks() != 0;
}

block_ref uring_buffers::take(unsigned place) {
  SHOAL_ASSERT(place < places_.size() && places_[place]);
  block_ref taken = std::exchange(places_[place], block_ref{});
  if (fill(place)) {
    publish();
  } else {
    empty_.push_back(static_cast<std::uint16_t>(place));
  }
  return taken;
}

void uring_buffers::give_back(unsigned place) {
  SHOAL_ASSERT(place < places_.size() && places_[place]);
  io_uring_buf_ring_add(shared_.get(), places_[place].data(), block_bytes, static_cast<unsigned short>(place),
                        io_uring_buf_ring_mask(blocks_at_most), added_++);
  publish();
}

void uring_buffers::grow() {
  if (shared_ != nullptr) extend(std::min(2 * places_.size(), blocks_at_most));
}

void uring_buffers::refill() {
  while (!empty_.empty() && fill(empty_.back())) empty_.pop_back();
  publish();
}

void uring_buffers::release() noexcept {
  if (shared_ == nullptr) return;
  io_uring_unregister_buf_ring(ring_, group);
  shared_.reset();
  places_.clear();
  empty_.clear();
}

bool uring_buffers::fill(unsigned place) {
  auto fresh = memory_->allocate_block(block_bytes);
  if (!fresh) return false;
  places_[place] = std::move(*fresh);
  io_uring_buf_ring_add(shared_.get(), places_[place].data(), block_bytes, static_cast<unsigned short>(place),
                        io_uring_buf_ring_mask(blocks_at_most), added_++);
  return true;
}

void uring_buffers::extend(std::size_t target) {
  while (places_.size() < target) {
    const std::size_t place = places_.size();
    places_.emplace_back();
    if (!fill(static_cast<unsigned>(place))) empty_.push_back(static_cast<std::uint16_t>(place));
  }
  publish();
}

void uring_buffers::publish() {
  if (added_ != 0) io_uring_buf_ring_advance(shared_.get(), std::exchange(added_, 0));
}

}  // namespace shoal
