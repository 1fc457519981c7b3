// SPDX-License-Identifier: Apache-2.0
// maglev: a table of a prime number of slots. Each endpoint has a permutation of them, and they take turns, by weight,
// at claiming the next free one of theirs (Eisenbud et al., "Maglev", NSDI 2016, section 3.4).
//
// Shares are exact to a slot, and a lookup is one division. When an endpoint leaves the list, its keys move and a few
// of the others' with them: 0.4 % of all where one of ten leaves. When it only goes down, no others' do: its slots are
// stepped over.
//
// Thread rule: hash_table.hpp.
// Invariant: neither the order of the list nor names change the table, only addresses and weights.
#pragma once

#include <shoal/net/upstream/endpoint.hpp>
#include <shoal/net/upstream/hash_table.hpp>

#include <span>
#include <vector>

namespace shoal {

class maglev final : public hash_table {
 public:
  /// The sizes of the paper: 128 KiB, and 1.3 MB for lists too long for the first.
  static constexpr std::size_t small_size = 65'537;
  static constexpr std::size_t large_size = 655'373;
  /// Slots that an endpoint should have on average: shares are then within 1 %.
  static constexpr std::size_t slots_wanted = 100;

  explicit maglev(std::span<const endpoint_options> endpoints);

  [[nodiscard]] std::size_t size() const noexcept override { return owners_.size(); }
  [[nodiscard]] std::size_t begin_at(std::uint64_t hash) const noexcept override { return hash % owners_.size(); }
  [[nodiscard]] std::size_t owner(std::size_t step) const noexcept override { return owners_[step]; }

 private:
  std::vector<std::uint16_t> owners_;
};

}  // namespace shoal
