// SPDX-License-Identifier: Apache-2.0
// Blocks above 1 MiB: each is a mapping of its own. A few stay cached, because a connection that streams uses one per
// read and the kernel would zero 8 MiB every time.
//
// Thread rule: owner shard only. Their heads are slab nodes, so that masking a head finds the slab as for every block.
#pragma once

#include <shoal/buffers/arena.hpp>

#include <array>
#include <cstddef>

namespace shoal::detail {

class mapped_blocks {
 public:
  explicit mapped_blocks(std::size_t cache_limit) noexcept : cache_limit_{cache_limit} {}

  /// A cached block, or nullptr.
  [[nodiscard]] block* take_cached(unsigned size_class) noexcept;
  /// Maps the payload of a new block whose head is `head`; false if the kernel has no memory.
  [[nodiscard]] bool map(block* head, unsigned size_class, bool huge_pages) noexcept;
  /// Caches the block, or unmaps it and returns true: then its head is the caller's to free.
  [[nodiscard]] bool give(block* b) noexcept;
  /// Takes one block out of the cache for good and returns its head, nullptr when the cache is empty.
  [[nodiscard]] block* evict() noexcept;

  /// Blocks that nobody asked for since the last trim may go: evict() while stale() > 0, then call trimmed().
  [[nodiscard]] std::size_t stale() const noexcept { return stale_; }
  void trimmed() noexcept { stale_ = cached_count_; }

  [[nodiscard]] std::size_t bytes_in_use() const noexcept { return bytes_held_ - cached_bytes_; }
  [[nodiscard]] std::size_t blocks_in_use(unsigned size_class) const noexcept {
    return in_use_[size_class - arena_classes];
  }
  [[nodiscard]] std::size_t bytes_held() const noexcept { return bytes_held_; }
  void unmap_all() noexcept;

 private:
  static constexpr unsigned mapped_classes = block_classes - arena_classes;
  block* pop(unsigned size_class) noexcept;
  void unmap(block* b) noexcept;

  std::array<block_list, mapped_classes> cached_;
  std::array<std::size_t, mapped_classes> in_use_{};
  std::size_t cache_limit_;
  std::size_t cached_bytes_ = 0;
  std::size_t cached_count_ = 0;
  std::size_t stale_ = 0;
  std::size_t bytes_held_ = 0;
};

}  // namespace shoal::detail
