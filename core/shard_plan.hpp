// SPDX-License-Identifier: Apache-2.0
// How many shards, on which CPUs, with how much memory: design decision D6 as a pure function of the machine and the
// request.
//
// Thread rule: plain functions of their arguments.
//
// The rule:
//  shards   auto  = one per usable CPU, at most floor(quota)      cores = one per physical core, at most floor(quota)
//           N     = N, also above the number of CPUs unless they are pinned
//  usable   the CPUs of `cpus`, all of which must be in the affinity mask; without it, the mask
//  pinned   auto  = when `cpus` is written, or when the shards fill the mask (every CPU; with `cores`, every core) and
//  no quota
//                   says that the CPUs are shared with others: two pods must not pin to the same core
//  memory   auto  = min(256 MiB, half the memory limit / shards)
//  CPUs are chosen whole cores before hyper-threads, fast cores before slow ones, then by `policy`.
#pragma once

#include <shoal/core/topology.hpp>

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

enum class pin_mode { automatic, on, off };

/// Which CPUs to take when there are more than shards.
enum class placement_policy {
  compact,  ///< fill one package and one cache before the next: messages between shards stay near
  spread,   ///< over packages and caches in turn: every shard gets the most cache and memory bandwidth
};

/// The keys of `runtime:` that decide about shards.
struct shard_request {
  static constexpr unsigned automatic = 0;
  static constexpr unsigned cores = ~0U;

  unsigned shards = automatic;  ///< automatic, cores, or how many
  std::vector<unsigned> cpus;   ///< empty = the affinity mask
  pin_mode pin = pin_mode::automatic;
  placement_policy policy = placement_policy::spread;
  std::size_t memory_per_shard = 0;  ///< bytes; 0 = automatic
};

/// Two of the slab's 2 MiB arenas: one to work in, one for the reserve.
inline constexpr std::size_t min_memory_per_shard = std::size_t{4} << 20;
/// What one shard takes when there is plenty.
inline constexpr std::size_t default_memory_per_shard = std::size_t{256} << 20;

/// Where one shard runs.
struct placement {
  static constexpr unsigned anywhere = ~0U;

  bool pinned = false;
  unsigned cpu = anywhere;   ///< kernel's number; `anywhere` unless pinned
  unsigned numa = anywhere;  ///< node of that CPU
  unsigned l3 = anywhere;    ///< last-level cache of that CPU, see topology.hpp
  std::size_t memory = 0;    ///< bytes its slab may take

  friend bool operator==(const placement&, const placement&) = default;
};

struct shard_plan {
  std::vector<placement> shards;  ///< by shard number; pinned ones ascend by CPU
  std::string reason;             ///< one line for the start screen: why so many, why pinned or not

  /// Whether what one of them writes is in a cache that the other reads from: messages and moves between such shards
  /// are cheap. Of shards that are not pinned nothing is known, and none is farther than another: true.
  [[nodiscard]] bool shares_cache(std::size_t a, std::size_t b) const { return shards[a].l3 == shards[b].l3; }
};

/// "`key`: `what` (`hint`)".
struct plan_error {
  std::string_view key;  ///< the member of shard_request: "shards", "cpus", "pin", "memory_per_shard"
  std::string what;
  std::string hint;  ///< what would be right
};

[[nodiscard]] std::expected<shard_plan, plan_error> plan_shards(const topology& machine, const shard_request& request);

}  // namespace shoal
