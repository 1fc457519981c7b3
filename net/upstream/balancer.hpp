// SPDX-License-Identifier: Apache-2.0
// balancer: which endpoint the next connection goes to.
//
// Thread rule: one shard. Deterministic: a function of the endpoints' state and of the random source that is handed in.
//
// Invariants:
//  1. Only endpoints that are up, have a weight and were not tried are picked; with none of them pick() returns null.
//  2. In the long run, while nothing else tells them apart, each gets its weight's share.
//  3. A pick looks at every endpoint once or twice and allocates nothing.
#pragma once

#include <shoal/core/random.hpp>
#include <shoal/net/upstream/endpoint.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace shoal {

enum class balance_policy : std::uint8_t {
  /// Exactly by weight over any run of (sum of weights) picks, evenly mixed: 5:1:1 is a a b a c a a, never a a a a a b
  /// c (the
  /// smooth weighted round robin of nginx). Each shard starts elsewhere in the cycle, or all shards' first connections
  /// would
  /// go to the first endpoint.
  round_robin,
  random,  ///< by weight
  /// Two at random by weight, of these the less busy: nearly as even as least_connections, and shards that decide
  /// without
  /// knowing of each other don't all run to the same endpoint (Mitzenmacher, "The Power of Two Choices", 1996).
  random_two,
  least_connections,  ///< fewest open connections per weight; ties at random by weight
};

[[nodiscard]] std::string_view to_string(balance_policy policy) noexcept;
[[nodiscard]] std::optional<balance_policy> parse_balance_policy(std::string_view word) noexcept;

class balancer {
 public:
  /// `endpoints` and `random` must outlive it; the endpoints stay the same ones.
  balancer(balance_policy policy, std::span<endpoint> endpoints, random_source& random);

  /// The endpoint for the next attempt, or null. Counts nothing: an endpoint_lease does.
  [[nodiscard]] endpoint* pick(const tried_endpoints& tried = {}) noexcept;

 private:
  [[nodiscard]] endpoint* next_in_turn(const tried_endpoints& tried) noexcept;
  [[nodiscard]] endpoint* any_but(const tried_endpoints& tried, const endpoint* other) noexcept;
  [[nodiscard]] endpoint* less_busy_of_two(const tried_endpoints& tried) noexcept;
  [[nodiscard]] endpoint* least_busy(const tried_endpoints& tried) noexcept;
  void start_anywhere();

  balance_policy policy_;
  std::span<endpoint> endpoints_;
  random_source& random_;
  std::vector<std::int64_t> credit_;  // round_robin: what each endpoint has saved up towards its next turn
};

}  // namespace shoal
