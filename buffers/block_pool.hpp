// SPDX-License-Identifier: Apache-2.0
// The free blocks of a slab's arenas: a buddy system with a short list of recently used blocks of each size before it.
//
// Thread rule: owner shard only.
//
// Any arena serves any size, so memory follows what the traffic needs today: neighbours of one size merge when both are
// free. Merging at once would split and merge the same pages for every message; therefore freed blocks first go to the
// cached list of their size, last in first out, which also finds them warm in the CPU's cache.
#pragma once

#include <shoal/buffers/arena.hpp>

#include <boost/intrusive/list.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace shoal::detail {

class block_pool {
 public:
  using arena_list = boost::intrusive::list<arena, boost::intrusive::constant_time_size<true>>;

  /// A recently used block, or nullptr.
  [[nodiscard]] block* take_cached(unsigned size_class) noexcept {
    cache& c = cached_[size_class];
    block* b = c.top;
    if (b == nullptr) return nullptr;
    c.top = b->links.next;
    if (--c.count < c.least) c.least = c.count;
    return b;
  }
  /// Keeps a block at hand; merges half of them when there are too many.
  void give(block* b) noexcept {
    cache& c = cached_[b->size_class];
    b->state = block_state::cached;
    b->links.next = c.top;
    c.top = b;
    if (++c.count > cache_limit(b->size_class)) [[unlikely]]
      merge_cached(b->size_class, c.count / 2);
  }
  /// Cuts a block out of the arenas; nullptr if no run of pages is long enough.
  [[nodiscard]] block* cut(unsigned size_class) noexcept;

  /// Takes over a fresh mapping of arena_bytes.
  void add_arena(std::byte* memory, slab& home) noexcept;
  /// Merges all cached blocks, so that larger ones can be cut.
  void merge_all() noexcept;
  /// Merges what stayed cached since the last trim, unmaps arenas that stayed empty since then; returns bytes unmapped.
  std::size_t trim() noexcept;
  /// Unmaps empty arenas now; returns bytes unmapped.
  std::size_t unmap_empty() noexcept;
  /// Unmaps everything, used or not.
  void unmap_all() noexcept;

  [[nodiscard]] std::size_t arenas() const noexcept { return arenas_.size(); }

 private:
  struct cache {
    block* top = nullptr;
    std::uint32_t count = 0;
    std::uint32_t least = 0;  ///< fewest since the last trim: so many were not needed
  };
  /// 1 MiB of each size, at least two blocks.
  static constexpr std::uint32_t cache_limit(unsigned size_class) noexcept { return 256U >> size_class | 2U; }

  void merge_cached(unsigned size_class, std::uint32_t count) noexcept;
  void merge(block* b) noexcept;
  void insert_free(block* b, unsigned size_class) noexcept;
  void remove_free(block* b) noexcept;
  void retire(arena& a) noexcept;

  std::array<cache, arena_classes> cached_;
  std::array<block_list, arena_classes> free_;
  unsigned nonempty_ = 0;  ///< bit per class with free blocks
  std::uint32_t trims_ = 0;
  arena_list arenas_;
};

}  // namespace shoal::detail
