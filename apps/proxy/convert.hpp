// SPDX-License-Identifier: Apache-2.0
// From what the configuration says to what the library takes. Pure functions; the configuration is already validated.
#pragma once

#include "proxy/config.hpp"
#include <shoal/core/runtime.hpp>
#include <shoal/net/connection_options.hpp>
#include <shoal/net/server.hpp>
#include <shoal/net/upstream/upstream.hpp>
#include <shoal/net/upstream/upstream_health.hpp>
#include <shoal/net/upstream/upstream_limit.hpp>

namespace proxy {

[[nodiscard]] shoal::runtime_options to_runtime_options(const shoal::config::proxy_config& config);
[[nodiscard]] shoal::rebalance_mode to_rebalance(shoal::config::rebalance_mode from);
[[nodiscard]] shoal::accept_distribution to_distribution(const shoal::config::accept_distribution& from);
/// Of its clients, and of what is dialled for them.
[[nodiscard]] shoal::connection_options to_connection_options(const shoal::config::listener_config& from);
[[nodiscard]] shoal::upstream_options to_upstream_options(const shoal::config::upstream_config& from);
[[nodiscard]] shoal::upstream_health_options to_health_options(const shoal::config::upstream_config& from);
/// With a `max_connections`.
[[nodiscard]] shoal::upstream_limit_options to_limit_options(const shoal::config::upstream_config& from);

}  // namespace proxy
