// SPDX-License-Identifier: Apache-2.0
// load_bound: nobody gets more than a factor times their fair share of the connections; a key whose endpoint is full
// goes to the next one (Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2018).
//
// Thread rule: one shard, inside one pick. Each shard bounds its own connections, which bounds the sum: the total at an
//   endpoint is at most the factor times its share of the total, and one more for each shard by rounding.
// Invariant: at least one of the candidates has room.
#pragma once

#include <shoal/net/upstream/candidates.hpp>

#include <algorithm>
#include <cstdint>

namespace shoal {

class load_bound {
 public:
  /// So many connections of a shard never fill an endpoint: below, the mean says little, and the three connections of
  /// one client to an idle upstream would be torn apart.
  static constexpr std::uint64_t always_room_for = 8;

  /// 100 and above; 0: no bound.
  load_bound(const candidates& from, unsigned percent) noexcept : from_(from), percent_(percent) {
    if (percent == 0) return;
    for (const auto& e : from.all()) {
      if (!from.may_take(e)) continue;
      connections_ += e.active();
      shares_ += from.share(e);
    }
  }

  [[nodiscard]] bool has_room(const endpoint& e) const noexcept {
    if (percent_ == 0 || e.active() < always_room_for) return true;
    return e.active() < most_for(e);
  }
  /// The connections that a candidate may have with the next one, the factor's part rounded up.
  [[nodiscard]] std::uint64_t most_for(const endpoint& e) const noexcept {
    const auto whole = static_cast<__uint128_t>(connections_ + 1) * percent_ * from_.share(e);
    const auto parts = static_cast<__uint128_t>(shares_) * 100;
    return std::max(static_cast<std::uint64_t>((whole + parts - 1) / parts), always_room_for);
  }

 private:
  const candidates& from_;
  unsigned percent_;
  std::uint64_t connections_ = 0;
  std::uint64_t shares_ = 0;
};

}  // namespace shoal
