// SPDX-License-Identifier: Apache-2.0
#include "proxy/shared_upstreams.hpp"

#include "proxy/convert.hpp"

#include <algorithm>

namespace proxy {
namespace {

bool refers_to(const shoal::config::listener_config& listener, const std::string& name) {
  const auto by_sni = std::ranges::any_of(listener.sni, [&](const auto& entry) { return entry.second == name; });
  return by_sni || (listener.sni.empty() && listener.upstream == name);
}

}  // namespace

shared_upstreams::shared_upstreams(shoal::runtime& owner, const shoal::config::proxy_config& config) {
  for (const auto& upstream : config.upstreams) {
    const auto uses = [&](const auto& listener) { return refers_to(listener, upstream.name); };
    if (std::ranges::none_of(config.listeners, uses)) continue;
    shared_upstream& made = by_name_[upstream.name];
    if (upstream.health_check || upstream.outlier_detection) {
      made.health = std::make_unique<shoal::upstream_health>(owner, to_health_options(upstream));
    }
    if (upstream.limits.max_connections) {
      made.limit = std::make_unique<shoal::upstream_limit>(owner, to_limit_options(upstream));
    }
  }
}

const shared_upstream& shared_upstreams::of(const shoal::config::upstream_config& upstream) const {
  return by_name_.find(upstream.name)->second;
}

shoal::upstream_limit* shared_upstreams::limit_of(const std::string& upstream) const {
  const auto found = by_name_.find(upstream);
  return found == by_name_.end() ? nullptr : found->second.limit.get();
}

}  // namespace proxy
