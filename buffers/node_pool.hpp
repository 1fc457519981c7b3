// SPDX-License-Identifier: Apache-2.0
// Small nodes, 64 B to 1 KiB: timers, messages, coroutine frames, connections. Each page holds nodes of one size.
//
// Thread rule: owner shard only.
//
// Which nodes of a page are free is a 64-bit mask in the page's head. So freeing never writes into the node (a late
// write cannot corrupt the pool), a second free is noticed, and allocation packs low addresses first.
#pragma once

#include <shoal/buffers/arena.hpp>
#include <shoal/buffers/check.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace shoal::detail {

inline constexpr std::size_t node_unit = 64;
inline constexpr std::size_t max_node_bytes = 1024;
/// Node sizes in units of 64 bytes.
inline constexpr std::array<std::uint8_t, 8> node_units{1, 2, 3, 4, 6, 8, 12, 16};
inline constexpr unsigned node_classes = node_units.size();

[[nodiscard]] constexpr std::size_t node_bytes(unsigned node_class) noexcept {
  return node_units[node_class] * node_unit;
}

class node_pool {
 public:
  /// The class for `bytes` <= max_node_bytes.
  [[nodiscard]] static unsigned class_of(std::size_t bytes) noexcept {
    return class_by_units[bytes == 0 ? 0 : (bytes - 1) / node_unit];
  }

  /// A node, or nullptr if no page of the class has one: then add_page and try again.
  [[nodiscard]] std::byte* take(unsigned node_class) noexcept {
    block_list& partial = partial_[node_class];
    if (partial.empty()) return nullptr;
    block& page = partial.front();
    const auto index = static_cast<unsigned>(std::countr_zero(page.nodes.free));
    page.nodes.free &= page.nodes.free - 1;
    if (page.nodes.free == 0) partial.pop_front();
    return page.data + index * node_bytes(node_class);
  }

  /// Takes a node back. Returns its page if that is empty now and not the last of its class: it left the pool.
  [[nodiscard]] block* give(std::byte* node) noexcept {
    block* page = head_of(node);
    SHOAL_CHECK(page->state == block_state::nodes, "freed what is no slab node");
    const unsigned node_class = page->nodes.node_class;
    const auto units = static_cast<std::uint32_t>(node - page->data) / node_unit;
    const std::uint64_t bit = std::uint64_t{1} << (units * reciprocals[node_class] >> 16);
    SHOAL_CHECK((page->nodes.free & bit) == 0, "slab node freed twice");
    block_list& partial = partial_[node_class];
    if (page->nodes.free == 0) partial.push_front(*page);
    page->nodes.free |= bit;
    if (page->nodes.free != full_masks[node_class]) return nullptr;
    return leave_if_spare(page, partial);
  }

  void add_page(block* page, unsigned node_class) noexcept;
  /// Gives up the empty page that a class keeps for next time; nullptr if there is none.
  [[nodiscard]] block* take_spare(unsigned node_class) noexcept;

 private:
  static constexpr auto class_by_units = [] {
    std::array<std::uint8_t, max_node_bytes / node_unit> table{};
    for (unsigned units = 1, c = 0; units <= table.size(); ++units) {
      if (units > node_units[c]) ++c;
      table[units - 1] = static_cast<std::uint8_t>(c);
    }
    return table;
  }();
  /// units * reciprocal >> 16 == units / node_units for units < 64: a division without dividing.
  static constexpr auto reciprocals = [] {
    std::array<std::uint32_t, node_classes> table{};
    for (unsigned c = 0; c < node_classes; ++c) table[c] = 65536U / node_units[c] + 1;
    return table;
  }();
  static constexpr auto full_masks = [] {
    std::array<std::uint64_t, node_classes> table{};
    for (unsigned c = 0; c < node_classes; ++c) {
      const auto count = page_bytes / node_bytes(c);
      table[c] = count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
    }
    return table;
  }();

  [[nodiscard]] static block* leave_if_spare(block* page, block_list& partial) noexcept;

  std::array<block_list, node_classes> partial_;  ///< pages with a free node; the front one is used first
};

}  // namespace shoal::detail
