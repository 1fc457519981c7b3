// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/maglev.hpp>

#include <shoal/net/upstream/pick_hash.hpp>

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

namespace shoal {
namespace {

constexpr std::uint16_t nobody = std::numeric_limits<std::uint16_t>::max();

/// An endpoint while the table is filled.
struct claimant {
  std::uint16_t index;
  std::uint64_t weight;
  std::uint64_t next;          // slot
  std::uint64_t skip;          // from slot to slot of its permutation
  std::uint64_t turns_at = 0;  // the round in which its next turn is, times its weight
};

std::vector<claimant> claimants_of(std::span<const endpoint_options> endpoints, std::size_t slots) {
  const auto identities = detail::hash_identities(endpoints);
  std::vector<std::size_t> order(endpoints.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) -> const std::string& { return identities[i]; });
  std::vector<claimant> made;
  for (const std::size_t i : order) {
    if (endpoints[i].weight == 0) continue;
    made.push_back({.index = static_cast<std::uint16_t>(i),
                    .weight = endpoints[i].weight,
                    .next = pick_hash(identities[i], 0) % slots,
                    .skip = pick_hash(identities[i], 1) % (slots - 1) + 1});
  }
  return made;
}

}  // namespace

maglev::maglev(std::span<const endpoint_options> endpoints) {
  const std::size_t slots = endpoints.size() * slots_wanted <= small_size ? small_size : large_size;
  auto claimants = claimants_of(endpoints, slots);
  if (claimants.empty()) return;
  const std::uint64_t heaviest = std::ranges::max(claimants, {}, &claimant::weight).weight;
  owners_.assign(slots, nobody);
  std::size_t left = slots;
  for (std::uint64_t round = 1;; ++round) {
    for (auto& c : claimants) {
      if (round * c.weight < c.turns_at) continue;  // the heaviest has a turn in every round
      c.turns_at += heaviest;
      while (owners_[c.next] != nobody) c.next = (c.next + c.skip) % slots;
      owners_[c.next] = c.index;
      if (--left == 0) return;
    }
  }
}

}  // namespace shoal
