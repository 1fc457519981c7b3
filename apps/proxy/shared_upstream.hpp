// SPDX-License-Identifier: Apache-2.0
// shared_upstream: what all listeners and shards have of an upstream together: its health, and its limit.
//
// Thread rule: made and destroyed on the thread that runs the runtime, as a shared service (core/shared_service.hpp);
//   its parts as they say.
// Invariant: upstreams that no listener refers to have none, and are not asked how they are.
#pragma once

#include "proxy/config.hpp"
#include <shoal/core/runtime.hpp>
#include <shoal/net/upstream/upstream_health.hpp>
#include <shoal/net/upstream/upstream_limit.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace proxy {

struct shared_upstream {
  shared_upstream(shoal::runtime& owner, const shoal::config::upstream_config& what);

  const shoal::config::upstream_config config;
  std::optional<shoal::upstream_health> health;  // none: not watched, its endpoints are always up
  std::optional<shoal::upstream_limit> limit;    // none: as many as the listeners let in
};

/// By name.
using shared_upstreams = std::map<std::string, std::shared_ptr<shared_upstream>, std::less<>>;

/// The names of the upstreams that a listener refers to, each once; by server name, or its one.
[[nodiscard]] std::vector<std::string> upstreams_of(const shoal::config::listener_config& listener);

}  // namespace proxy
