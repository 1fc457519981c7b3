// SPDX-License-Identifier: Apache-2.0
// rebalance_policy: how much work a shard should give away, and to whom: a pure function of what is known of all
// shards.
//
// Pressure of a shard = share of the time it was busy + how long what is ready waits there, in tens of milliseconds.
// The first tells idle shards apart; among shards that are all busy only the second does.
//
//   pressures        2.0   1.2 | 0.6   0.2   0.0      mean 0.8
//   above the mean   1.2   0.4 |
//   below it                   | 0.2   0.6   0.8      each giver fills each of them in proportion, so that together
//                                                     they give what is missing there, and nobody gets too much
//
// Thread rule: plain functions and values. Every shard asks for itself; there is no leader.
#pragma once

#include <shoal/buffers/check.hpp>
#include <shoal/core/instant.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace shoal {

/// When connections move on their own, and how many.
struct rebalance_options {
  duration interval = std::chrono::milliseconds{100};  ///< how often a busy shard looks
  duration settle = std::chrono::milliseconds{600};    ///< after moves, until their effect shows in the loads
  duration stay = std::chrono::seconds{10};            ///< a connection that moved does not move again for so long
  double least_pressure = 0.5;                         ///< who has less to do than this keeps it
  double least_difference = 0.25;                      ///< of pressures; smaller ones are no reason to move
  unsigned looks = 4;                                  ///< in a row that must find a reason, before anything moves
  unsigned most_moves = 64;                            ///< at once, per shard
};

/// What is known of one shard.
struct shard_view {
  double busy = 0;
  duration queue_delay = duration::zero();
  bool near = true;  ///< shares a cache with the one that asks
};

[[nodiscard]] double pressure_of(const shard_view& shard) noexcept;

struct rebalance_portion {
  shard_id to = no_shard;
  double share = 0;  ///< of the work of the shard that asks, 0 to 1
};

/// What to give away; empty: everything stays where it is.
[[nodiscard]] std::vector<rebalance_portion> advise(std::span<const shard_view> shards, shard_id self,
                                                    const rebalance_options& options);

/// A connection that may move, and what it costs its shard, in any unit.
struct rebalance_candidate {
  std::size_t index = 0;  ///< the caller's
  double cost = 0;
};

/// Sorts those first that should move, so that together they cost `goal`, or little less; their number. One that costs
/// twice as much would only take the pressure with it, and stays.
[[nodiscard]] std::size_t choose_movers(std::span<rebalance_candidate> candidates, double goal, std::size_t most);

}  // namespace shoal
