// SPDX-License-Identifier: Apache-2.0
#include "proxy/shared_upstream.hpp"

#include "proxy/convert.hpp"

#include <algorithm>

namespace proxy {

shared_upstream::shared_upstream(shoal::runtime& owner, const shoal::config::upstream_config& what) : config(what) {
  if (config.health_check || config.outlier_detection) health.emplace(owner, to_health_options(config));
  if (config.limits.max_connections) limit.emplace(owner, to_limit_options(config));
}

std::vector<std::string> upstreams_of(const shoal::config::listener_config& listener) {
  if (listener.sni.empty()) return {listener.upstream};
  std::vector<std::string> made;
  for (const auto& [server_name, upstream] : listener.sni) {
    if (std::ranges::find(made, upstream) == made.end()) made.push_back(upstream);
  }
  return made;
}

}  // namespace proxy
