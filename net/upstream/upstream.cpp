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
  return options;
}

}  // namespace

upstream::upstream(upstream_options options, random_source& random)
    : options_(checked(std::move(options))),
      endpoints_(options_.endpoints.begin(), options_.endpoints.end()),
      balancer_(options_.balance, endpoints_, random) {}

upstream::~upstream() {
  SHOAL_ASSERT(std::ranges::all_of(endpoints_, [](const endpoint& e) { return e.active() == 0; }));
}

endpoint* upstream::pick(const tried_endpoints& tried) noexcept {
  return tried.size() < options_.connect_attempts ? balancer_.pick(tried) : nullptr;
}

}  // namespace shoal
