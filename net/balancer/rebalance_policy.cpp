// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/balancer/rebalance_policy.hpp>

#include <algorithm>

namespace shoal {
namespace {

/// So much waiting weighs as much as being busy all the time.
constexpr duration delay_unit = std::chrono::milliseconds{10};
/// A shard that hangs for seconds is not hundreds of times as busy.
constexpr double most_delay = 4;
/// What a shard counts for that shares no cache with the giver: near ones are filled first.
constexpr double far_weight = 0.5;

}  // namespace

double pressure_of(const shard_view& shard) noexcept {
  const double waits =
      static_cast<double>(shard.queue_delay.count()) / static_cast<double>(duration{delay_unit}.count());
  return shard.busy + std::min(waits, most_delay);
}

std::vector<rebalance_portion> advise(std::span<const shard_view> shards, shard_id self,
                                      const rebalance_options& options) {
  const double mine = pressure_of(shards[self]);
  double sum = 0;
  double least = mine;
  for (const shard_view& one : shards) {
    sum += pressure_of(one);
    least = std::min(least, pressure_of(one));
  }
  const double mean = sum / static_cast<double>(shards.size());
  if (mine < options.least_pressure || mine <= mean || mine - least < options.least_difference) return {};
  std::vector<rebalance_portion> portions;
  double missing = 0;
  for (std::size_t s = 0; s < shards.size(); ++s) {
    const double below = mean - pressure_of(shards[s]);
    // Those that miss little have enough: nothing moves for them.
    if (below < options.least_difference / 4) continue;
    const double weight = shards[s].near ? below : below * far_weight;
    portions.push_back({.to = static_cast<shard_id>(s), .share = weight});
    missing += weight;
  }
  for (rebalance_portion& one : portions) one.share *= (mine - mean) / mine / missing;
  return portions;
}

std::size_t choose_movers(std::span<rebalance_candidate> candidates, double goal, std::size_t most) {
  // The costly ones first: fewer moves for the same effect.
  std::ranges::sort(candidates, [](const rebalance_candidate& a, const rebalance_candidate& b) {
    return a.cost != b.cost ? a.cost > b.cost : a.index < b.index;
  });
  double chosen_cost = 0;
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < candidates.size() && chosen < most; ++i) {
    const double cost = candidates[i].cost;
    // The first may pass the goal if that still leaves less difference than there is now.
    const bool fits = chosen_cost + cost <= goal || (chosen == 0 && i + 1 == candidates.size() && cost < 2 * goal);
    if (cost <= 0 || !fits) continue;
    std::swap(candidates[chosen], candidates[i]);
    chosen_cost += cost;
    ++chosen;
  }
  return chosen;
}

}  // namespace shoal
