// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/ring_hash.hpp>

#include <shoal/net/upstream/pick_hash.hpp>

#include <algorithm>
#include <bit>
#include <utility>

namespace shoal {
namespace {

/// A power of two, as a shift of weights: to the left, or (negative) to the right. Powers of two, so that an endpoint
/// more or less seldom changes the points of the others.
int shift_for(std::span<const endpoint_options> endpoints) {
  std::uint64_t weights = 0;
  for (const auto& e : endpoints) weights += e.weight;
  const std::size_t most = std::clamp(std::bit_ceil(endpoints.size()) * ring_hash::points_per_weight,
                                      ring_hash::few_points, ring_hash::max_points);
  int shift = std::countr_zero(ring_hash::points_per_weight);
  while (shift > 0 && (weights << static_cast<unsigned>(shift)) > most) --shift;
  while (shift <= 0 && (weights >> static_cast<unsigned>(-shift)) > most) --shift;
  return shift;
}

std::uint64_t points_of(const endpoint_options& e, int shift) {
  if (e.weight == 0) return 0;
  const std::uint64_t weight = e.weight;
  const auto scaled = shift >= 0 ? weight << static_cast<unsigned>(shift) : weight >> static_cast<unsigned>(-shift);
  return std::max<std::uint64_t>(scaled, 1);
}

}  // namespace

ring_hash::ring_hash(std::span<const endpoint_options> endpoints) {
  const auto identities = detail::hash_identities(endpoints);
  const int shift = shift_for(endpoints);
  std::vector<std::pair<std::uint64_t, std::uint16_t>> points;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const auto count = points_of(endpoints[i], shift);
    for (std::uint64_t k = 0; k < count; ++k) {
      points.emplace_back(pick_hash(identities[i], k), static_cast<std::uint16_t>(i));
    }
  }
  std::ranges::sort(points);
  places_.reserve(points.size());
  owners_.reserve(points.size());
  for (const auto& [place, owner] : points) {
    places_.push_back(place);
    owners_.push_back(owner);
  }
}

std::size_t ring_hash::begin_at(std::uint64_t hash) const noexcept {
  const auto next = std::ranges::lower_bound(places_, hash);
  return next == places_.end() ? 0 : static_cast<std::size_t>(next - places_.begin());
}

}  // namespace shoal
