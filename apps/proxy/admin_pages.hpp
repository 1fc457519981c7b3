// SPDX-License-Identifier: Apache-2.0
// The pages of the admin server. Pure functions of what the shards have said.
#pragma once

#include "proxy/deployment.hpp"
#include "proxy/reload.hpp"
#include "proxy/traffic.hpp"

#include <map>
#include <span>
#include <string>

namespace proxy {

/// What an upstream's limit lets on; only of those that have one.
using limits_look = std::map<std::string, shoal::limit_usage, std::less<>>;

/// What one shard knows, of every listener; on that shard.
[[nodiscard]] proxy_look look_at(const generation* now);

/// All that is counted, for Prometheus.
[[nodiscard]] std::string metrics_page(const generation& now, std::span<const proxy_look> shards,
                                       const limits_look& limits, const reload::outcome& last_reload);
/// Upstreams and their endpoints, as JSON.
[[nodiscard]] std::string upstreams_page(const generation& now, std::span<const proxy_look> shards,
                                         const limits_look& limits);

}  // namespace proxy
