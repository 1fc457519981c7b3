// SPDX-License-Identifier: Apache-2.0
// candidates: who may be picked, and with what share. One look at the upstream, for one pick.
//
// Thread rule: one shard, inside one pick.
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/net/upstream/endpoint.hpp>
#include <shoal/net/upstream/pick_hash.hpp>

#include <cstdint>
#include <span>

namespace shoal {

/// For whom an endpoint is picked.
struct pick_request {
  std::uint64_t hash = 0;  ///< of the client (pick_hash.hpp), or what else the policy goes by; the others ignore it
  instant now = never;     ///< for slow starts; `never`: they are all over
};

class candidates {
 public:
  /// `in_panic`: health does not count. What is referred to must outlive it.
  candidates(std::span<endpoint> all, const tried_endpoints& tried, const pick_request& request, bool in_panic) noexcept
      : all_(all), tried_(tried), request_(request), in_panic_(in_panic) {}

  [[nodiscard]] std::span<endpoint> all() const noexcept { return all_; }
  [[nodiscard]] std::uint64_t hash() const noexcept { return request_.hash; }

  [[nodiscard]] bool may_take(const endpoint& e) const noexcept {
    return (e.is_up() || in_panic_) && e.weight() > 0 && !tried_.contains(e);
  }
  /// Its weight in units of 1 / endpoint::full_share, less while it starts slowly. Below 2^24.
  [[nodiscard]] std::uint64_t share(const endpoint& e) const noexcept { return e.share_at(request_.now); }

  /// Fewer connections per share. Both factors are below 2^32, so nothing overflows.
  [[nodiscard]] bool is_less_busy(const endpoint& a, const endpoint& b) const noexcept {
    return a.active() * share(b) < b.active() * share(a);
  }

  /// For policies whose shares are built into a table: whether this request is one of those that go to `e` already,
  /// while it starts slowly. Who goes there once goes on to.
  [[nodiscard]] bool is_ready_for_it(const endpoint& e) const noexcept {
    const std::uint64_t full = std::uint64_t{e.weight()} * endpoint::full_share;
    const std::uint64_t now = share(e);
    if (now == full) return true;
    const auto draw = mix(request_.hash, static_cast<std::uint64_t>(&e - all_.data()) + slow_start_salt);
    return static_cast<std::uint64_t>((static_cast<__uint128_t>(draw) * full) >> 64U) < now;
  }

 private:
  static constexpr std::uint64_t slow_start_salt = 0x736c6f77;  // apart from what else is made of the hash

  std::span<endpoint> all_;
  const tried_endpoints& tried_;
  const pick_request& request_;
  bool in_panic_;
};

}  // namespace shoal
