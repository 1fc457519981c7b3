// SPDX-License-Identifier: Apache-2.0
// What tests of the balancer share: upstreams of endpoints a, b, c ..., clients by number, and counts per endpoint.
//
// Thread rule: the test's thread.
#pragma once

#include <shoal/net/upstream/upstream.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::test {

inline constexpr auto all_policies = {
    balance_policy::round_robin, balance_policy::random, balance_policy::random_two, balance_policy::least_connections,
    balance_policy::ring_hash,   balance_policy::maglev, balance_policy::source_hash};
inline constexpr auto hash_policies = {balance_policy::ring_hash, balance_policy::maglev, balance_policy::source_hash};

[[nodiscard]] inline bool goes_by_hash(balance_policy policy) {
  return std::ranges::find(hash_policies, policy) != hash_policies.end();
}

/// 10.1.x.y:80, named after their place in the list.
[[nodiscard]] inline endpoint_options numbered(std::size_t number, unsigned weight = 1) {
  const auto high = static_cast<std::uint8_t>(number >> 8U);
  return {.where = address::ipv4({10, 1, high, static_cast<std::uint8_t>(number)}, 80),
          .weight = weight,
          .name = number < 26 ? std::string(1, static_cast<char>('a' + number)) : std::to_string(number)};
}

[[nodiscard]] inline upstream_options with(balance_policy policy, const std::vector<unsigned>& weights) {
  upstream_options options{.name = "test", .endpoints = {}, .balance = policy};
  for (std::size_t i = 0; i < weights.size(); ++i) options.endpoints.push_back(numbered(i, weights[i]));
  return options;
}

/// Of client number n, from some port.
[[nodiscard]] inline std::uint64_t client_hash(std::uint32_t n) {
  const auto byte = [n](unsigned shift) { return static_cast<std::uint8_t>(n >> shift); };
  return pick_hash(address::ipv4({byte(24), byte(16), byte(8), byte(0)}, static_cast<std::uint16_t>(n * 7)));
}

/// Where clients 0 to n - 1 go, nobody staying: the first letter of each endpoint's name.
[[nodiscard]] inline std::string places_of(upstream& up, std::uint32_t clients, instant now = never) {
  std::string made;
  for (std::uint32_t n = 0; n < clients; ++n) {
    made += up.pick({}, {.hash = client_hash(n), .now = now})->name().front();
  }
  return made;
}

/// By endpoint, how many of them went there.
[[nodiscard]] inline std::vector<double> counts_of(upstream& up, const std::string& places) {
  std::vector<double> counts;
  for (const auto& e : up.endpoints())
    counts.push_back(static_cast<double>(std::ranges::count(places, e.name().front())));
  return counts;
}

}  // namespace shoal::test
