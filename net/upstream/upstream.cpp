// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/upstream.hpp>

#include <shoal/buffers/check.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace shoal {
namespace {

void require(bool holds, const upstream_options& options, const std::string& limit) {
  if (!holds) throw std::invalid_argument{"upstream " + options.name + ": " + limit};
}

upstream_options checked(upstream_options options) {
  require(options.connect_attempts >= 1 && options.connect_attempts <= tried_endpoints::capacity, options,
          "connect_attempts is 1 to " + std::to_string(tried_endpoints::capacity));
  require(options.endpoints.size() <= upstream_options::max_endpoints, options,
          "at most " + std::to_string(upstream_options::max_endpoints) + " endpoints");
  const bool light =
      std::ranges::all_of(options.endpoints, [](const auto& e) { return e.weight <= endpoint_options::max_weight; });
  require(light, options, "a weight is at most " + std::to_string(endpoint_options::max_weight));
  const unsigned factor = options.hash_balance_factor;
  require(factor == 0 || (factor >= 100 && factor <= upstream_options::max_hash_balance_factor), options,
          "hash_balance_factor is 0, or 100 to " + std::to_string(upstream_options::max_hash_balance_factor));
  require(options.panic_threshold <= 100, options, "panic_threshold is at most 100");
  return options;
}

hash_table_ptr given_or_made(hash_table_ptr given, const upstream_options& options) {
  return given != nullptr ? std::move(given) : make_hash_table(options);
}

rendezvous scores_for(const upstream_options& options) {
  return options.balance == balance_policy::source_hash ? rendezvous{options.endpoints} : rendezvous{};
}

balancer_options balancing_of(const upstream_options& options) {
  return {.policy = options.balance,
          .panic_threshold = options.panic_threshold,
          .hash_balance_factor = options.hash_balance_factor};
}

}  // namespace

upstream::upstream(upstream_options options, random_source& random, hash_table_ptr table)
    : options_(checked(std::move(options))),
      endpoints_(options_.endpoints.begin(), options_.endpoints.end()),
      balancer_(balancing_of(options_), endpoints_, random, given_or_made(std::move(table), options_),
                scores_for(options_)) {}

upstream::~upstream() {
  SHOAL_ASSERT(std::ranges::all_of(endpoints_, [](const endpoint& e) { return e.active() == 0; }));
}

endpoint* upstream::pick(const tried_endpoints& tried, const pick_request& request) noexcept {
  return tried.size() < options_.connect_attempts ? balancer_.pick(tried, request) : nullptr;
}

void upstream::set_up(std::size_t index, bool up, instant now) noexcept {
  SHOAL_ASSERT(index < endpoints_.size());
  endpoint& e = endpoints_[index];
  if (e.is_up() == up) return;
  if (up) {
    e.come_up(now, options_.slow_start);
  } else {
    e.set_up(false);
  }
}

}  // namespace shoal
