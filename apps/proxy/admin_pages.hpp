// SPDX-License-Identifier: Apache-2.0
// The pages of the admin server. Pure functions of what the shards have said.
#pragma once

#include "proxy/shared_upstreams.hpp"
#include "proxy/tcp_proxy.hpp"
#include "proxy/traffic.hpp"

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace proxy {

using proxies = std::vector<std::unique_ptr<tcp_proxy>>;

/// What an upstream's limit lets on; only of those that have one.
using limits_look = std::map<std::string, shoal::limit_usage, std::less<>>;

/// What one shard knows, of every listener; on that shard.
[[nodiscard]] proxy_look look_at(const proxies* all);

/// All that is counted, for Prometheus.
[[nodiscard]] std::string metrics_page(const proxies& all, std::span<const proxy_look> shards,
                                       const limits_look& limits);
/// Upstreams and their endpoints, as JSON.
[[nodiscard]] std::string upstreams_page(const proxies& all, std::span<const proxy_look> shards,
                                         const limits_look& limits);

}  // namespace proxy
