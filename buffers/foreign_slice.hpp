// SPDX-License-Identifier: Apache-2.0
// Bytes that leave their shard without being copied, and go home by themselves.
//
// Thread rule: depart() and come_home() on the home shard; everything else on whichever one thread holds the slice now.
// The bytes may be read on any thread and never change.
//
// The destructor pushes the slice on its home slab's return stack: one compare-and-swap on memory allocated at
// departure. It never waits and never fails, home shard stopped or gone included. Move-only: a copy abroad would need a
// count that two threads write.
#pragma once

#include <shoal/buffers/link_buffer.hpp>
#include <shoal/buffers/return_stack.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace shoal {

namespace detail {

/// What travels: its blocks stay counted at home until it is back.
struct departed_slice final : returned {
  slab* home;
  segment* first;
  segment* last;
  std::size_t bytes;
  std::size_t pieces;
};

}  // namespace detail

class foreign_slice {
 public:
  /// An empty slice of nowhere.
  foreign_slice() noexcept = default;
  /// Takes all committed bytes of `from`. errc::no_memory, nothing taken, when not even the reserve has a node.
  [[nodiscard]] static result<foreign_slice> depart(link_buffer&& from);

  foreign_slice(foreign_slice&& other) noexcept : departed_{std::exchange(other.departed_, nullptr)} {}
  foreign_slice& operator=(foreign_slice&& other) noexcept {
    std::swap(departed_, other.departed_);
    return *this;
  }
  ~foreign_slice() {
    if (departed_ != nullptr) departed_->home->give_back(departed_);
  }

  [[nodiscard]] std::size_t size() const noexcept { return departed_ == nullptr ? 0 : departed_->bytes; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// no_shard when empty.
  [[nodiscard]] shard_id home() const noexcept { return departed_ == nullptr ? no_shard : departed_->home->owner(); }
  [[nodiscard]] std::size_t piece_count() const noexcept { return departed_ == nullptr ? 0 : departed_->pieces; }
  [[nodiscard]] piece_range pieces() const noexcept {
    return {departed_ == nullptr ? nullptr : departed_->first, size()};
  }

  /// Home shard only: the bytes as a buffer again, uncopied.
  [[nodiscard]] link_buffer come_home(slab& home) &&;

 private:
  friend class link_buffer;
  detail::departed_slice* departed_ = nullptr;
};

}  // namespace shoal
