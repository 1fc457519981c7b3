// SPDX-License-Identifier: Apache-2.0
// shared_upstreams: what all listeners and shards have of an upstream together: its health, and its limit.
//
// Thread rule: made and destroyed while the runtime does not run; of() from any shard.
// Invariant: upstreams that no listener refers to are not asked how they are.
#pragma once

#include "proxy/config.hpp"
#include <shoal/net/upstream/upstream_health.hpp>
#include <shoal/net/upstream/upstream_limit.hpp>

#include <map>
#include <memory>
#include <string>

namespace proxy {

struct shared_upstream {
  std::unique_ptr<shoal::upstream_health> health;  // null: not watched, its endpoints are always up
  std::unique_ptr<shoal::upstream_limit> limit;    // null: as many as the listeners let in
};

class shared_upstreams {
 public:
  /// Before the listeners: it outlives them, and stops after them.
  shared_upstreams(shoal::runtime& owner, const shoal::config::proxy_config& config);

  /// Of one that a listener refers to.
  [[nodiscard]] const shared_upstream& of(const shoal::config::upstream_config& upstream) const;
  /// Null: it has none.
  [[nodiscard]] shoal::upstream_limit* limit_of(const std::string& upstream) const;

 private:
  std::map<std::string, shared_upstream, std::less<>> by_name_;
};

}  // namespace proxy
