// SPDX-License-Identifier: Apache-2.0
// accept_balancer: chooses the shard for each connection that one shard of a server accepts.
//
// Thread rule: the accepting shard. What it reads of the others is relaxed and may be a moment old.
// Invariants:
//  1. Equals are told apart by lot, so that no shard is preferred for its number, nor for being near: a connection is
//     handed over once, and where it lands it stays for longer than that costs.
//  2. One choice costs a look at every shard where the policy compares them, at their load once per turn.
#pragma once

#include <shoal/core/shard.hpp>
#include <shoal/net/address.hpp>
#include <shoal/net/balancer/accept_distribution.hpp>
#include <shoal/net/balancer/open_counts.hpp>

#include <cstdint>
#include <vector>

namespace shoal {

class accept_balancer {
 public:
  accept_balancer(accept_distribution how, shard& here, const open_counts& open);

  /// For the policies by which the kernel chooses there is one socket here all the same (a unix socket): in turn.
  [[nodiscard]] shard_id choose(const address& peer);

 private:
  struct outlook {
    double busy = 0;
    std::uint64_t before = 0;  // open connections of one or two windows ago
    std::uint64_t after = 0;   // of less than one
  };

  [[nodiscard]] shard_id next_in_turn() noexcept;
  [[nodiscard]] shard_id fewer_of_two() noexcept;
  [[nodiscard]] shard_id by_source(const address& peer) const noexcept;
  [[nodiscard]] shard_id least_busy();
  template <class Eligible>
  [[nodiscard]] shard_id fewest_connections(Eligible eligible) noexcept;
  void look_at_loads();
  [[nodiscard]] double expected(shard_id s) const noexcept;

  const accept_distribution how_;
  shard& shard_;
  const open_counts& open_;
  std::size_t next_;
  std::vector<outlook> outlooks_;  // by shard; of least_busy
  double cost_ = 0;                // of one connection, as a share of a shard
  instant looked_at_ = instant::min();
  instant window_start_ = instant::min();
};

}  // namespace shoal
