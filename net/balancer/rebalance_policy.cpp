// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/balancer/rebalance_policy.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace shoal {
namespace {

/// So much waiting weighs as much as being busy all the time.
constexpr duration delay_unit = std::chrono::milliseconds{10};
/// A shard that hangs for seconds is not hundreds of times as busy.
constexpr double most_delay = 4;
/// Pressures that differ by less are equal when it comes to who is near.
constexpr double grain = 0.1;

}  // namespace

double pressure_of(const shard_view& shard) noexcept {
  const double waits =
      static_cast<double>(shard.queue_delay.count()) / static_cast<double>(duration{delay_unit}.count());
  return shard.busy + std::min(waits, most_delay);
}

rebalance_advice advise(std::span<const shard_view> shards, shard_id self, const rebalance_options& options) {
  const double mine = pressure_of(shards[self]);
  if (mine < options.least_pressure) return {};
  std::vector<shard_id> ranked(shards.size());
  std::iota(ranked.begin(), ranked.end(), shard_id{0});
  std::ranges::sort(ranked, [&](shard_id a, shard_id b) {
    const double of_a = pressure_of(shards[a]);
    const double of_b = pressure_of(shards[b]);
    return of_a != of_b ? of_a > of_b : a < b;
  });
  const auto rank = static_cast<std::size_t>(std::ranges::find(ranked, self) - ranked.begin());
  const std::size_t opposite = shards.size() - 1 - rank;
  if (opposite <= rank) return {};
  // Of those as idle as the opposite one, a near one; givers before us think of the far end first, so we rarely meet.
  shard_id to = ranked[opposite];
  const auto level = [&](shard_id s) { return std::floor(pressure_of(shards[s]) / grain); };
  for (std::size_t i = opposite; i > rank && !shards[to].near && level(ranked[i]) <= level(ranked[opposite]); --i) {
    if (shards[ranked[i]].near) to = ranked[i];
  }
  const double difference = mine - pressure_of(shards[to]);
  if (difference < options.least_difference) return {};
  return {.to = to, .share = difference / 2 / mine};
}

std::size_t choose_movers(std::span<rebalance_candidate> candidates, double total, double share, std::size_t most) {
  // The costly ones first: fewer moves for the same effect.
  std::ranges::sort(candidates, [](const rebalance_candidate& a, const rebalance_candidate& b) {
    return a.cost != b.cost ? a.cost > b.cost : a.index < b.index;
  });
  const double goal = share * total;
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
