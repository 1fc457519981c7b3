// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream_watches.hpp"

#include "proxy/convert.hpp"

#include <algorithm>

namespace proxy {
namespace {

bool refers_to(const shoal::config::listener_config& listener, const std::string& name) {
  const auto by_sni = std::ranges::any_of(listener.sni, [&](const auto& entry) { return entry.second == name; });
  return by_sni || (listener.sni.empty() && listener.upstream == name);
}

}  // namespace

upstream_watches::upstream_watches(shoal::runtime& owner, const shoal::config::proxy_config& config) {
  for (const auto& upstream : config.upstreams) {
    if (!upstream.health_check && !upstream.outlier_detection) continue;
    const auto uses = [&](const auto& listener) { return refers_to(listener, upstream.name); };
    if (std::ranges::none_of(config.listeners, uses)) continue;
    by_name_[upstream.name] = std::make_unique<shoal::upstream_health>(owner, to_health_options(upstream));
  }
}

shoal::upstream_health* upstream_watches::of(const shoal::config::upstream_config& upstream) const {
  const auto found = by_name_.find(upstream.name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

}  // namespace proxy
