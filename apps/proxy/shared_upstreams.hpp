// SPDX-License-Identifier: Apache-2.0
// upstream_watches: the health of the upstreams that want it watched, one for all listeners that use them.
//
// Thread rule: made and destroyed while the runtime does not run; of() from any shard.
// Invariant: upstreams that no listener refers to are not asked how they are.
#pragma once

#include "proxy/config.hpp"
#include <shoal/net/upstream/upstream_health.hpp>

#include <map>
#include <memory>
#include <string>

namespace proxy {

class upstream_watches {
 public:
  /// Before the listeners: it outlives them, and stops after them.
  upstream_watches(shoal::runtime& owner, const shoal::config::proxy_config& config);

  /// Null: not watched, its endpoints are always up.
  [[nodiscard]] shoal::upstream_health* of(const shoal::config::upstream_config& upstream) const;

 private:
  std::map<std::string, std::unique_ptr<shoal::upstream_health>, std::less<>> by_name_;
};

}  // namespace proxy
