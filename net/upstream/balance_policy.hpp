// SPDX-License-Identifier: Apache-2.0
// balance_policy: the ways to choose an endpoint, and their names.
//
// Thread rule: a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace shoal {

enum class balance_policy : std::uint8_t {
  /// Exactly by weight over any run of (sum of weights) picks, evenly mixed: 5:1:1 is a a b a c a a, never a a a a a b
  /// c
  /// (the smooth weighted round robin of nginx). Each shard starts elsewhere in the cycle, or all shards' first
  /// connections would go to the first endpoint.
  round_robin,
  random,  ///< by weight
  /// Two at random by weight, of these the less busy: nearly as even as least_connections, and shards that decide
  /// without knowing of each other don't all run to the same endpoint (Mitzenmacher, "The Power of Two Choices", 1996).
  random_two,
  least_connections,  ///< fewest open connections per weight; ties at random by weight
  // By a hash of the client, or of what it asks for: the same goes to the same endpoint, from every shard and after
  // every restart, and when an endpoint goes, only what it had goes elsewhere.
  ring_hash,    ///< the next point on a ring (ring_hash.hpp), with bounded load
  maglev,       ///< a slot of a table (maglev.hpp): more even than a ring, a little more moves; with bounded load
  source_hash,  ///< the endpoint that scores highest (rendezvous.hpp): no table, no bound, the cost of a look at all
};

[[nodiscard]] std::string_view to_string(balance_policy policy) noexcept;
[[nodiscard]] std::optional<balance_policy> parse_balance_policy(std::string_view word) noexcept;

}  // namespace shoal
