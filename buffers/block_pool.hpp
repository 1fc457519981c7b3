// SPDX-License-Identifier: Apache-2.0
// The free blocks of a slab's arenas: a buddy system with a short stack of recently used blocks of each size before it.
//
// Thread rule: owner shard only.
//
// Any arena serves any size, so memory follows what the traffic needs today: neighbours of one size merge when both are
// free. Merging at once would split and merge the same pages for every message; therefore freed blocks first go to the
// stack of their size, last in first out, which also finds them warm in the CPU's cache.
//
// Blocks in use are not counted one by one: blocks out of the buddy system less blocks in the stacks are in use. So a
// block taken from a stack and given back costs one load and one store each way. Under pressure the slab closes the
// stacks; then out is in use, exactly.
#pragma once

#include <shoal/buffers/arena.hpp>

#include <boost/intrusive/list.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace shoal::detail {

/// How many recently used blocks of a size are kept at hand: 1 MiB, at least two.
[[nodiscard]] constexpr std::size_t recent_depth(unsigned size_class) noexcept {
  return size_class < 7 ? std::size_t{256} >> size_class : 2;
}
inline constexpr std::size_t recent_slots = [] {
  std::size_t slots = 0;
  for (unsigned c = 0; c < arena_classes; ++c) slots += recent_depth(c);
  return slots;
}();

class block_pool {
 public:
  block_pool() noexcept;
  block_pool(const block_pool&) = delete;
  block_pool& operator=(const block_pool&) = delete;

  /// A recently used block, or nullptr.
  [[nodiscard]] block* take_recent(unsigned size_class) noexcept {
    stack& s = recent_[size_class];
    return s.top == s.base ? nullptr : *--s.top;
  }
  /// Keeps the block at hand; false, nothing done, if the stack is full or closed.
  [[nodiscard]] bool keep_recent(block* b, unsigned size_class) noexcept {
    stack& s = recent_[size_class];
    if (s.top == s.end) return false;
    *s.top++ = b;
    return true;
  }

  /// Cuts a block out of the arenas; nullptr if no run of pages is long enough.
  [[nodiscard]] block* cut(unsigned size_class) noexcept;
  /// Puts a block back into the arenas.
  void merge(block* b) noexcept;
  /// Makes room in a full stack, so that keep_recent() works again.
  void merge_half(unsigned size_class) noexcept;
  void merge_all() noexcept;
  /// Closed stacks keep nothing; closing empties them.
  void close_stacks() noexcept;
  void open_stacks() noexcept;
  /// Gives back the upper pages of a block in use, so that it is of the smaller class from now on.
  void shrink(block* b, unsigned size_class) noexcept;

  /// Takes over a fresh mapping of arena_bytes.
  void add_arena(std::byte* memory, slab& home) noexcept;
  /// Merges half of what is in the stacks, unmaps arenas that were empty at the last trim and are; returns bytes
  /// unmapped.
  std::size_t trim() noexcept;
  /// Unmaps empty arenas now; returns bytes unmapped.
  std::size_t unmap_empty() noexcept;
  /// Unmaps everything, used or not.
  void unmap_all() noexcept;

  [[nodiscard]] std::size_t arenas() const noexcept { return arenas_.size(); }
  /// Bytes out of the buddy system: in use or in a stack.
  [[nodiscard]] std::size_t bytes_out() const noexcept { return bytes_out_; }
  [[nodiscard]] std::size_t blocks_in_use(unsigned size_class) const noexcept {
    const stack& s = recent_[size_class];
    return blocks_out_[size_class] - static_cast<std::size_t>(s.top - s.base);
  }

 private:
  using arena_list = boost::intrusive::list<arena, boost::intrusive::constant_time_size<true>>;
  struct alignas(32) stack {  // so that its address is a shift away from the class
    block** top;
    block** end;  ///< base while closed
    block** base;
  };
  void merge_some(unsigned size_class, std::size_t count) noexcept;
  void insert_free(block* b, unsigned size_class) noexcept;
  void remove_free(block* b) noexcept;
  void retire(arena& a) noexcept;

  std::array<stack, arena_classes> recent_;
  std::array<block*, recent_slots> slots_;
  std::array<block_list, arena_classes> free_;
  unsigned nonempty_ = 0;  ///< bit per class with free blocks
  std::array<std::size_t, arena_classes> blocks_out_{};
  std::size_t bytes_out_ = 0;
  std::uint32_t trims_ = 0;
  arena_list arenas_;
};

}  // namespace shoal::detail
