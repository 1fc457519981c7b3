// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/balancer.hpp>

#include <algorithm>
#include <array>
#include <numeric>

namespace shoal {
namespace {

constexpr std::array<std::string_view, 4> policy_names{"round_robin", "random", "random_two", "least_connections"};

/// Most turns taken to reach a shard's start in the cycle; bounds start-up with many endpoints of odd weights.
constexpr std::uint64_t max_start_turns = 1024;

bool may_take(const endpoint& e, const tried_endpoints& tried) noexcept {
  return e.is_up() && e.weight() > 0 && !tried.contains(e);
}

/// Fewer connections per weight. Weights and counts are below 2^32, so nothing overflows.
bool is_less_busy(const endpoint& a, const endpoint& b) noexcept {
  return std::uint64_t{a.active()} * b.weight() < std::uint64_t{b.active()} * a.weight();
}

/// One of those that `eligible` lets through, by weight; null if none.
template <class Eligible>
endpoint* draw(std::span<endpoint> endpoints, random_source& random, Eligible eligible) noexcept {
  std::uint64_t total = 0;
  for (const auto& e : endpoints) total += eligible(e) ? e.weight() : 0;
  if (total == 0) return nullptr;
  auto ticket = random.below(total);
  for (auto& e : endpoints) {
    if (!eligible(e)) continue;
    if (ticket < e.weight()) return &e;
    ticket -= e.weight();
  }
  return nullptr;
}

}  // namespace

std::string_view to_string(balance_policy policy) noexcept { return policy_names[static_cast<std::size_t>(policy)]; }

std::optional<balance_policy> parse_balance_policy(std::string_view word) noexcept {
  const auto* const found = std::ranges::find(policy_names, word);
  if (found == policy_names.end()) return std::nullopt;
  return static_cast<balance_policy>(found - policy_names.begin());
}

balancer::balancer(balance_policy policy, std::span<endpoint> endpoints, random_source& random)
    : policy_(policy), endpoints_(endpoints), random_(random) {
  if (policy_ == balance_policy::round_robin) start_anywhere();
}

endpoint* balancer::pick(const tried_endpoints& tried) noexcept {
  switch (policy_) {
    case balance_policy::round_robin: return next_in_turn(tried);
    case balance_policy::random: return any_but(tried, nullptr);
    case balance_policy::random_two: return less_busy_of_two(tried);
    case balance_policy::least_connections: return least_busy(tried);
  }
  return nullptr;
}

/// Everybody earns their weight, the richest is picked and pays for all.
endpoint* balancer::next_in_turn(const tried_endpoints& tried) noexcept {
  std::int64_t earned = 0;
  std::size_t richest = endpoints_.size();
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    if (!may_take(endpoints_[i], tried)) continue;
    credit_[i] += endpoints_[i].weight();
    earned += endpoints_[i].weight();
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
  for (std::uint64_t i = 0; i < turns; ++i) static_cast<void>(next_in_turn({}));
}

endpoint* balancer::any_but(const tried_endpoints& tried, const endpoint* other) noexcept {
  return draw(endpoints_, random_, [&](const endpoint& e) { return &e != other && may_take(e, tried); });
}

endpoint* balancer::less_busy_of_two(const tried_endpoints& tried) noexcept {
  auto* const first = any_but(tried, nullptr);
  auto* const second = first == nullptr ? nullptr : any_but(tried, first);
  return second != nullptr && is_less_busy(*second, *first) ? second : first;
}

endpoint* balancer::least_busy(const tried_endpoints& tried) noexcept {
  const endpoint* least = nullptr;
  for (const auto& e : endpoints_) {
    if (may_take(e, tried) && (least == nullptr || is_less_busy(e, *least))) least = &e;
  }
  if (least == nullptr) return nullptr;
  return draw(endpoints_, random_, [&](const endpoint& e) { return may_take(e, tried) && !is_less_busy(*least, e); });
}

}  // namespace shoal
