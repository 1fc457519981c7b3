// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/balance_policy.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace shoal {
namespace {

constexpr std::array<std::string_view, 7> policy_names{"round_robin", "random", "random_two", "least_connections",
                                                       "ring_hash",   "maglev", "source_hash"};

}  // namespace

std::string_view to_string(balance_policy policy) noexcept { return policy_names[static_cast<std::size_t>(policy)]; }

std::optional<balance_policy> parse_balance_policy(std::string_view word) noexcept {
  const auto* const found = std::ranges::find(policy_names, word);
  if (found == policy_names.end()) return std::nullopt;
  return static_cast<balance_policy>(found - policy_names.begin());
}

}  // namespace shoal
