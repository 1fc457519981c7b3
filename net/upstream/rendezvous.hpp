// SPDX-License-Identifier: Apache-2.0
// rendezvous: every candidate draws a score from the key's hash and its own identity, by weight; the highest wins
// (Thaler and Ravishankar, 1998). Scores are -share / ln(u), u uniform in (0, 1): the highest is by weight.
//
// Against ring_hash and maglev: no table, shares exactly by weight, exactly the fewest moves at any change, slow starts
// included. In return each pick computes one logarithm per endpoint: 4 us for 100 of them.
//
// Thread rule: one shard.
#pragma once

#include <shoal/net/upstream/candidates.hpp>

#include <span>
#include <vector>

namespace shoal {

class rendezvous {
 public:
  rendezvous() = default;
  explicit rendezvous(std::span<const endpoint_options> endpoints);

  /// Null: nobody may be taken.
  [[nodiscard]] endpoint* pick(const candidates& from) const noexcept;

 private:
  std::vector<std::uint64_t> identities_;  // by endpoint
};

}  // namespace shoal
