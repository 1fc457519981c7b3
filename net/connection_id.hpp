// SPDX-License-Identifier: Apache-2.0
// connection_id: the name of a connection for life, also when it moves to another shard.
#pragma once

#include <shoal/buffers/check.hpp>

#include <compare>
#include <cstdint>

namespace shoal {

/// Home shard, slot in its table, generation of that slot. 64 bits; the generation wraps after 2^32 uses of one slot.
struct connection_id {
  connection_id() = default;
  connection_id(shard_id home_shard, std::uint32_t slot_index, std::uint32_t use) noexcept
      : generation(use), slot(slot_index & 0x3fffffU), home(home_shard & 0x3ffU) {}

  std::uint32_t generation = 0;  ///< 0 names nothing
  std::uint32_t slot : 22 = 0;
  std::uint32_t home : 10 = 0;

  /// All of it in one number, for maps.
  [[nodiscard]] std::uint64_t key() const noexcept {
    return std::uint64_t{generation} << 32 | std::uint64_t{slot} << 10 | home;
  }
  [[nodiscard]] explicit operator bool() const noexcept { return generation != 0; }
  friend bool operator==(const connection_id& a, const connection_id& b) noexcept {
    return a.generation == b.generation && a.slot == b.slot && a.home == b.home;
  }
};

/// Most connections one shard can be home to (22 bits of slot).
inline constexpr std::uint32_t max_slots = 1U << 22;
static_assert(max_shards == 1U << 10, "home has 10 bits");
static_assert(sizeof(connection_id) == 8);

}  // namespace shoal
