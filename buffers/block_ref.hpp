// SPDX-License-Identifier: Apache-2.0
// A counted handle to one block: what a kernel operation holds so that memory outlives the buffer it came from.
//
// Thread rule: owner shard only.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/buffers/slab.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace shoal {

class block_ref {
 public:
  block_ref() noexcept = default;
  /// Takes over one reference.
  explicit block_ref(detail::block* b) noexcept : block_{b} {}
  block_ref(block_ref&& other) noexcept : block_{std::exchange(other.block_, nullptr)} {}
  block_ref& operator=(block_ref&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~block_ref() {
    if (block_ != nullptr) slab::unref(block_);
  }

  [[nodiscard]] explicit operator bool() const noexcept { return block_ != nullptr; }
  [[nodiscard]] std::byte* data() const noexcept { return block_->data; }
  [[nodiscard]] std::size_t capacity() const noexcept { return block_->capacity; }
  [[nodiscard]] std::span<std::byte> memory() const noexcept { return {data(), capacity()}; }

  /// A second handle to the same block.
  [[nodiscard]] block_ref share() const noexcept {
    if (block_ != nullptr) ++block_->refs;
    return block_ref{block_};
  }
  /// Declares the whole block handed out, so that no buffer grows into what follows its bytes: for blocks that the
  /// kernel goes on filling after part of them was adopted.
  void claim_room() const noexcept { block_->filled = block_->capacity; }
  [[nodiscard]] detail::block* get() const noexcept { return block_; }
  /// Gives up the handle and its reference to the caller.
  [[nodiscard]] detail::block* release() noexcept { return std::exchange(block_, nullptr); }

 private:
  detail::block* block_ = nullptr;
};

inline result<block_ref> slab::allocate_block(std::size_t bytes, draw from) noexcept {
  detail::block* b = take_block(detail::class_for(bytes), from);
  if (b == nullptr) [[unlikely]]
    return fail(errc::no_memory);
  b->own_free = true;
  return block_ref{b};
}

}  // namespace shoal
