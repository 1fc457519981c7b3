// SPDX-License-Identifier: Apache-2.0
// ring_hash: each endpoint has points on a ring of 2^64, as many as its weight says; a key belongs to the endpoint of
// the next point (Karger et al., "Consistent Hashing and Random Trees", 1997).
//
// When an endpoint leaves, only its keys move: 10 % +- 0.3 % with ten equal ones. In return, shares deviate from the
// weights by 1 / sqrt(points), 3 % with 1024 of them.
//
// Thread rule: hash_table.hpp.
// Invariants:
//  1. Points depend on their endpoint alone: neither on its place in the list nor on who else is there, but for the
//     number of points per weight, which is halved when the ring would get too large.
//  2. At most max_points, and one for every endpoint.
#pragma once

#include <shoal/net/upstream/endpoint.hpp>
#include <shoal/net/upstream/hash_table.hpp>

#include <span>
#include <vector>

namespace shoal {

class ring_hash final : public hash_table {
 public:
  static constexpr std::size_t points_per_weight = 1024;
  /// Up to 64 endpoints' points if each has a weight of 1: 640 KiB.
  static constexpr std::size_t few_points = std::size_t{1} << 16;
  /// 5 MiB, with 128 points for each of 4096 endpoints.
  static constexpr std::size_t max_points = std::size_t{1} << 19;

  explicit ring_hash(std::span<const endpoint_options> endpoints);

  [[nodiscard]] std::size_t size() const noexcept override { return places_.size(); }
  [[nodiscard]] std::size_t begin_at(std::uint64_t hash) const noexcept override;
  [[nodiscard]] std::size_t owner(std::size_t step) const noexcept override { return owners_[step]; }

 private:
  // Apart from each other: a search reads places only.
  std::vector<std::uint64_t> places_;  // ascending
  std::vector<std::uint16_t> owners_;
};

}  // namespace shoal
