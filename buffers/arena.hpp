// SPDX-License-Identifier: Apache-2.0
// An arena: 2 MiB of memory, aligned to 2 MiB, so that the arena of any address inside it is found by masking.
//
// Thread rule: belongs to one slab and its shard.
//
//   page 0 .. 7                                  page 8 .. 511
//   +--------------------------------------------+------------------------------------------+
//   | 512 block heads of 64 bytes, one per page; | payload: blocks of 1 .. 256 pages        |
//   | those of pages 1 .. 7 hold the arena itself|                                          |
//   +--------------------------------------------+------------------------------------------+
//
// Out-of-line heads cost 1.6 % and keep every payload a whole number of aligned pages.
#pragma once

#include <shoal/buffers/block.hpp>

#include <boost/intrusive/list_hook.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace shoal::detail {

inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t arena_bytes = std::size_t{2} << 20;
inline constexpr unsigned arena_pages = arena_bytes / page_bytes;
inline constexpr unsigned head_pages = arena_pages * sizeof(block) / page_bytes;
inline constexpr unsigned usable_pages = arena_pages - head_pages;
inline constexpr std::size_t usable_bytes = usable_pages * page_bytes;

/// Size classes: 4 KiB << class. Classes 0 .. 8 (1 MiB) live in arenas, 9 .. 11 (8 MiB) are mapped one by one.
inline constexpr unsigned arena_classes = 9;
inline constexpr unsigned block_classes = 12;

[[nodiscard]] constexpr std::size_t class_bytes(unsigned size_class) noexcept { return page_bytes << size_class; }

/// The smallest class that holds `bytes`; block_classes if none does.
[[nodiscard]] constexpr unsigned class_for(std::size_t bytes) noexcept {
  if (bytes <= page_bytes) return 0;
  if (bytes > class_bytes(block_classes - 1)) return block_classes;
  return static_cast<unsigned>(std::bit_width((bytes - 1) / page_bytes));
}

struct arena : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
  slab* home = nullptr;
  unsigned free_pages = usable_pages;
  std::uint32_t empty_since = 0;  ///< the trim count at which the last block came back

  [[nodiscard]] block* heads() noexcept { return reinterpret_cast<block*>(this) - 1; }
  [[nodiscard]] std::byte* base() noexcept { return reinterpret_cast<std::byte*>(heads()); }
  [[nodiscard]] block* head(unsigned page) noexcept { return heads() + page; }
  [[nodiscard]] unsigned page_of(const block* b) noexcept { return static_cast<unsigned>(b - heads()); }
};
static_assert(sizeof(arena) <= (head_pages - 1) * sizeof(block));

/// The arena that `inside` points into: a head, a payload or a node.
[[nodiscard]] inline arena* arena_of(const void* inside) noexcept {
  const auto base = reinterpret_cast<std::uintptr_t>(inside) & ~(arena_bytes - 1);
  return reinterpret_cast<arena*>(base + sizeof(block));
}

/// The head of the page that `payload` points into.
[[nodiscard]] inline block* head_of(const void* payload) noexcept {
  const auto offset = reinterpret_cast<std::uintptr_t>(payload) & (arena_bytes - 1);
  return arena_of(payload)->head(static_cast<unsigned>(offset / page_bytes));
}

/// Zeroed memory from the kernel, aligned to 2 MiB; nullptr if it has none.
[[nodiscard]] std::byte* map_memory(std::size_t bytes, bool huge_pages) noexcept;
void unmap_memory(std::byte* memory, std::size_t bytes) noexcept;

}  // namespace shoal::detail
