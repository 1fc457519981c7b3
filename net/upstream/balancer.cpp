// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/balancer.hpp>

#include <shoal/net/upstream/load_bound.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

namespace shoal {
namespace {

/// Most turns taken to reach a shard's start in the cycle; bounds start-up with many endpoints of odd weights.
constexpr std::uint64_t max_start_turns = 1024;

/// One of those that `eligible` lets through, by share; null if none.
template <class Eligible>
endpoint* draw(const candidates& from, random_source& random, Eligible eligible) noexcept {
  std::uint64_t total = 0;
  for (const auto& e : from.all()) total += eligible(e) ? from.share(e) : 0;
  if (total == 0) return nullptr;
  auto ticket = random.below(total);
  for (auto& e : from.all()) {
    if (!eligible(e)) continue;
    if (ticket < from.share(e)) return &e;
    ticket -= from.share(e);
  }
  return nullptr;
}

}  // namespace

balancer::balancer(const balancer_options& options, std::span<endpoint> endpoints, random_source& random,
                   hash_table_ptr table, rendezvous scores)
    : options_(options), endpoints_(endpoints), random_(random), table_(std::move(table)), scores_(std::move(scores)) {
  if (options_.policy == balance_policy::round_robin) start_anywhere();
}

endpoint* balancer::pick(const tried_endpoints& tried, const pick_request& request) noexcept {
  const candidates from{endpoints_, tried, request, in_panic()};
  switch (options_.policy) {
    case balance_policy::round_robin: return next_in_turn(from);
    case balance_policy::random: return any_but(from, nullptr);
    case balance_policy::random_two: return less_busy_of_two(from);
    case balance_policy::least_connections: return least_busy(from);
    case balance_policy::ring_hash:
    case balance_policy::maglev: return next_in_table(from);
    case balance_policy::source_hash: return scores_.pick(from);
  }
  return nullptr;
}

bool balancer::in_panic() const noexcept {
  if (options_.panic_threshold == 0) return false;
  std::size_t known = 0, up = 0;
  for (const auto& e : endpoints_) {
    if (e.weight() == 0) continue;
    ++known;
    up += e.is_up() ? 1 : 0;
  }
  return up * 100 < known * options_.panic_threshold;
}

/// Everybody earns their share, the richest is picked and pays for all.
endpoint* balancer::next_in_turn(const candidates& from) noexcept {
  std::int64_t earned = 0;
  std::size_t richest = endpoints_.size();
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    if (!from.may_take(endpoints_[i])) continue;
    const auto share = static_cast<std::int64_t>(from.share(endpoints_[i]));
    credit_[i] += share;
    earned += share;
    if (richest == endpoints_.size() || credit_[i] > credit_[richest]) richest = i;
  }
  if (richest == endpoints_.size()) return nullptr;
  credit_[richest] -= earned;
  return &endpoints_[richest];
}

void balancer::start_anywhere() {
  credit_.assign(endpoints_.size(), 0);
  std::uint64_t total = 0, divisor = 0;
  for (const auto& e : endpoints_) {
    total += e.weight();
    divisor = std::gcd(divisor, std::uint64_t{e.weight()});
  }
  if (total == 0) return;
  const auto turns = random_.below(std::min(total / divisor, max_start_turns));
  for (std::uint64_t i = 0; i < turns; ++i) static_cast<void>(pick());
}

endpoint* balancer::any_but(const candidates& from, const endpoint* other) noexcept {
  return draw(from, random_, [&](const endpoint& e) { return &e != other && from.may_take(e); });
}

endpoint* balancer::less_busy_of_two(const candidates& from) noexcept {
  auto* const first = any_but(from, nullptr);
  auto* const second = first == nullptr ? nullptr : any_but(from, first);
  return second != nullptr && from.is_less_busy(*second, *first) ? second : first;
}

endpoint* balancer::least_busy(const candidates& from) noexcept {
  const endpoint* least = nullptr;
  for (const auto& e : endpoints_) {
    if (from.may_take(e) && (least == nullptr || from.is_less_busy(e, *least))) least = &e;
  }
  if (least == nullptr) return nullptr;
  return draw(from, random_, [&](const endpoint& e) { return from.may_take(e) && !from.is_less_busy(*least, e); });
}

endpoint* balancer::next_in_table(const candidates& from) const noexcept {
  const load_bound bound{from, options_.hash_balance_factor};
  const auto fits = [&](const endpoint& e) { return from.may_take(e) && bound.has_room(e); };
  const auto is_ready = [&](const endpoint& e) { return fits(e) && from.is_ready_for_it(e); };
  // Looked at first, so that the walk ends: else it would go round in vain.
  if (std::ranges::none_of(endpoints_, fits)) return nullptr;
  const bool slowly = std::ranges::any_of(endpoints_, is_ready);
  std::size_t step = table_->begin_at(from.hash());
  for (std::size_t left = table_->size(); left != 0; --left) {
    endpoint& e = endpoints_[table_->owner(step)];
    if (slowly ? is_ready(e) : fits(e)) return &e;
    step = step + 1 == table_->size() ? 0 : step + 1;
  }
  return nullptr;
}

}  // namespace shoal
