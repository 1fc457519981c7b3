// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/balancer/accept_distribution.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace shoal {
namespace {

constexpr std::string_view fixed_prefix = "fixed:";
using named = std::pair<std::string_view, accept_distribution>;
constexpr std::array names{
    named{"reuseport", accept_distribution::reuseport},
    named{"incoming_cpu", accept_distribution::incoming_cpu},
    named{"round_robin", accept_distribution::round_robin},
    named{"least_connections", accept_distribution::least_connections},
    named{"random_two", accept_distribution::random_two},
    named{"source_hash", accept_distribution::source_hash},
    named{"least_busy", accept_distribution::least_busy},
};

}  // namespace

std::string to_string(const accept_distribution& how) {
  const auto found = std::ranges::find(names, how.how, [](const named& one) { return one.second.how; });
  if (found != names.end()) return std::string(found->first);
  return std::string(fixed_prefix) + std::to_string(how.shard);
}

std::optional<accept_distribution> parse_accept_distribution(std::string_view text) {
  const auto found = std::ranges::find(names, text, &named::first);
  if (found != names.end()) return found->second;
  if (!text.starts_with(fixed_prefix)) return std::nullopt;
  text.remove_prefix(fixed_prefix.size());
  shard_id shard = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), shard);
  if (error != std::errc{} || end != text.data() + text.size() || shard >= max_shards) return std::nullopt;
  return accept_distribution::fixed(shard);
}

}  // namespace shoal
