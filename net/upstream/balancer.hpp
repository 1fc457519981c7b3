// SPDX-License-Identifier: Apache-2.0
// balancer: which endpoint the next connection goes to.
//
// Thread rule: one shard. Deterministic: a function of the endpoints' state, of the request, and of the random source
//   that is handed in. Where the request's hash does not decide, chance does, so shards don't all begin with the same
//   endpoint.
//
// Invariants:
//  1. Only endpoints that are up, have a weight and were not tried are picked; with none of them pick() returns null.
//     While fewer than `panic_threshold` per cent are up, health does not count: better to try those that are said to
//     be down than to crush those that are left.
//  2. In the long run, while nothing else tells them apart, each gets its weight's share.
//  3. A pick looks at every endpoint once or twice (policies with a hash_table: and walks to the first in it that may
//     be taken) and allocates nothing.
#pragma once

#include <shoal/core/random.hpp>
#include <shoal/net/upstream/balance_policy.hpp>
#include <shoal/net/upstream/candidates.hpp>
#include <shoal/net/upstream/hash_table.hpp>
#include <shoal/net/upstream/rendezvous.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace shoal {

struct balancer_options {
  balance_policy policy = balance_policy::random_two;
  unsigned panic_threshold = 0;      ///< per cent; 0: never
  unsigned hash_balance_factor = 0;  ///< per cent of the fair share that an endpoint may have; 0: no bound
};

class balancer {
 public:
  /// `endpoints` and `random` must outlive it; the endpoints stay the same ones. `table` is that of make_hash_table().
  balancer(const balancer_options& options, std::span<endpoint> endpoints, random_source& random,
           hash_table_ptr table = nullptr, rendezvous scores = {});

  /// The endpoint for the next attempt, or null. Counts nothing: an endpoint_lease does.
  [[nodiscard]] endpoint* pick(const tried_endpoints& tried = {}, const pick_request& request = {}) noexcept;

 private:
  [[nodiscard]] bool in_panic() const noexcept;
  [[nodiscard]] endpoint* next_in_turn(const candidates& from) noexcept;
  [[nodiscard]] endpoint* any_but(const candidates& from, const endpoint* other) noexcept;
  [[nodiscard]] endpoint* less_busy_of_two(const candidates& from) noexcept;
  [[nodiscard]] endpoint* least_busy(const candidates& from) noexcept;
  [[nodiscard]] endpoint* next_in_table(const candidates& from) const noexcept;
  void start_anywhere();

  balancer_options options_;
  std::span<endpoint> endpoints_;
  random_source& random_;
  std::vector<std::int64_t> credit_;  // round_robin: what each endpoint has saved up towards its next turn
  hash_table_ptr table_;              // ring_hash, maglev
  rendezvous scores_;                 // source_hash
};

}  // namespace shoal
