// SPDX-License-Identifier: Apache-2.0
// What no single key can tell: names that refer to nothing, addresses in each other's way, routes that never match,
// files that aren't there. And the defaults that depend on other keys.
//
// Each check looks only at values in which nothing was wrong so far, so that one mistake is one error.
#pragma once

#include "proxy/config.hpp"
#include <shoal/net/config/reading.hpp>

#include <string>

namespace shoal::config {

/// Fills in the defaults that depend on other keys: names, buffers, lower marks; makes file names absolute, from
/// `folder` on.
void settle(const reading& in, const std::string& folder, proxy_config& config);

/// All of the checks below.
void check_all(reading& in, const proxy_config& config);

void check_runtime(reading& in, const proxy_config& config);
void check_process(reading& in, const proxy_config& config);
void check_names(reading& in, const proxy_config& config);
void check_addresses(reading& in, const proxy_config& config);
void check_listeners(reading& in, const proxy_config& config);
void check_routes(reading& in, const proxy_config& config);
void check_upstreams(reading& in, const proxy_config& config);
void check_files(reading& in, const proxy_config& config);

/// True if every request that `later` takes is taken by `earlier`.
[[nodiscard]] bool shadows(const route_match& earlier, const route_match& later);

}  // namespace shoal::config
