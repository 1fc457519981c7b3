// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/balancer/accept_balancer.hpp>

#include <shoal/core/runtime.hpp>

#include <algorithm>
#include <limits>

namespace shoal {
namespace {

// Shards whose load differs by less are equally busy: one window of load measures no finer. Their connections decide.
constexpr double load_noise = 0.05;

shard_id number(std::size_t i) noexcept { return static_cast<shard_id>(i); }

/// A fixed hash: the same peer meets the same shard after a restart too, if there are as many.
std::uint64_t hash_of(std::span<const std::uint8_t> bytes) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3U;
  return random_source{hash}();  // its upper bits alone are no good
}

}  // namespace

accept_balancer::accept_balancer(accept_distribution how, shard& here, const open_counts& open)
    : how_(how), shard_(here), open_(open), next_(here.id()) {}

shard_id accept_balancer::choose(const address& peer) {
  using policy = accept_distribution::policy;
  switch (how_.how) {
    case policy::reuseport:
    case policy::incoming_cpu:
    case policy::round_robin: return next_in_turn();
    case policy::least_connections: return fewest_connections([](shard_id) { return true; });
    case policy::random_two: return fewer_of_two();
    case policy::source_hash: return peer.is_ip() ? by_source(peer) : next_in_turn();
    case policy::least_busy: return least_busy();
    case policy::fixed: return how_.shard;
  }
  return shard_.id();
}

shard_id accept_balancer::next_in_turn() noexcept {
  const std::size_t chosen = next_;
  next_ = (next_ + 1) % open_.shards();
  return number(chosen);
}

shard_id accept_balancer::fewer_of_two() noexcept {
  const std::size_t shards = open_.shards();
  if (shards == 1) return 0;
  const auto first = shard_.random().below(shards);
  auto second = shard_.random().below(shards - 1);
  if (second >= first) ++second;
  // Which of the two came first is chance already.
  return open_.on(number(second)) < open_.on(number(first)) ? number(second) : number(first);
}

shard_id accept_balancer::by_source(const address& peer) const noexcept {
  const auto hash = hash_of(peer.ip_bytes());
  return number(static_cast<std::size_t>((static_cast<__uint128_t>(hash) * open_.shards()) >> 64U));
}

/// The one with the fewest connections of those that are eligible; at least one is.
template <class Eligible>
shard_id accept_balancer::fewest_connections(Eligible eligible) noexcept {
  shard_id chosen = no_shard;
  std::uint64_t fewest = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t equals = 0;
  for (std::size_t i = 0; i < open_.shards(); ++i) {
    if (!eligible(number(i))) continue;
    const std::uint64_t open = open_.on(number(i));
    if (open > fewest) continue;
    equals = open == fewest ? equals + 1 : 1;
    fewest = open;
    if (equals == 1 || shard_.random().below(equals) == 0) chosen = number(i);
  }
  SHOAL_ASSERT(chosen != no_shard);
  return chosen;
}

shard_id accept_balancer::least_busy() {
  look_at_loads();
  double least = std::numeric_limits<double>::max();
  for (std::size_t i = 0; i < open_.shards(); ++i) least = std::min(least, expected(number(i)));
  return fewest_connections([&](shard_id s) { return expected(s) <= least + load_noise; });
}

/// What a shard was measured to do, and what the connections will that came since: the measure does not know them yet,
/// and without them a whole burst would go to whoever was idle a moment ago.
double accept_balancer::expected(shard_id s) const noexcept {
  const outlook& seen = outlooks_[s];
  const std::uint64_t open = open_.on(s);
  return seen.busy + (open > seen.before ? cost_ * static_cast<double>(open - seen.before) : 0);
}

void accept_balancer::look_at_loads() {
  const instant now = shard_.now();
  if (now == looked_at_) return;
  looked_at_ = now;
  outlooks_.resize(open_.shards());
  // The measure covers one window, and a connection does not begin to work at once: so for two it counts as unknown.
  const bool turns_over = window_start_ == instant::min() || now - window_start_ >= load_window;
  const bool both = window_start_ == instant::min() || now - window_start_ >= 2 * load_window;
  if (turns_over) window_start_ = now;
  double busy = 0;
  std::uint64_t connections = 0;
  for (std::size_t i = 0; i < outlooks_.size(); ++i) {
    outlook& seen = outlooks_[i];
    const load_snapshot load = shard_.owner().load_of(number(i)).at(now);
    seen.busy = load.busy;
    busy += load.busy;
    connections += load.connections;
    if (!turns_over) continue;
    seen.before = both ? open_.on(number(i)) : seen.after;
    seen.after = open_.on(number(i));
  }
  cost_ = busy / static_cast<double>(std::max<std::uint64_t>(connections, 1));
}

}  // namespace shoal
