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
  std::uint64_t next;     // slot
  std::uint64_t skip;     // from slot to slot of its permutation
  std::uint64_t had = 0;  // turns; its next one is at had / weight
  std::size_t place = 0;  // in the order of identities

  /// For a heap, whose top is the greatest: the one whose turn is last. Both factors are below 2^20.
  friend bool operator<(const claimant& a, const claimant& b) noexcept {
    const auto at_a = a.had * b.weight, at_b = b.had * a.weight;
    return at_a != at_b ? at_a > at_b : a.place > b.place;
  }
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
                    .skip = pick_hash(identities[i], 1) % (slots - 1) + 1,
                    .place = made.size()});
  }
  return made;
}

}  // namespace

maglev::maglev(std::span<const endpoint_options> endpoints) {
  const std::size_t slots = endpoints.size() * slots_wanted <= small_size ? small_size : large_size;
  auto claimants = claimants_of(endpoints, slots);
  if (claimants.empty()) return;
  owners_.assign(slots, nobody);
  // A heap of who is next, not rounds through all: with one heavy endpoint and thousands of light ones most rounds
  // would be for one.
  std::make_heap(claimants.begin(), claimants.end());
  for (std::size_t left = slots; left != 0; --left) {
    std::pop_heap(claimants.begin(), claimants.end());
    claimant& c = claimants.back();
    while (owners_[c.next] != nobody) c.next = (c.next + c.skip) % slots;
    owners_[c.next] = c.index;
    ++c.had;
    std::push_heap(claimants.begin(), claimants.end());
  }
}

}  // namespace shoal
