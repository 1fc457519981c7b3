// SPDX-License-Identifier: Apache-2.0
// The description of the proxy's configuration: one file each for listeners, routes and upstreams. A key whose feature
// comes is switched on here, by taking away its `.not_yet()` or `.today_only(...)`.
#pragma once

#include "proxy/config.hpp"
#include <shoal/net/config/foreign_key.hpp>
#include <shoal/net/config/value_type.hpp>

#include <span>
#include <string>

namespace shoal::config {

/// The whole file.
[[nodiscard]] const type<proxy_config>& proxy_type();

[[nodiscard]] type<listener_config> listener_type();
[[nodiscard]] type<route_config> route_type();
[[nodiscard]] type<upstream_config> upstream_type();
[[nodiscard]] type<health_check_options> checks_type();
[[nodiscard]] type<outlier_options> outlier_type();

/// The name of an upstream, where something refers to it.
[[nodiscard]] type<std::string> upstream_name_type();
/// A file that must exist.
[[nodiscard]] type<std::string> file_type(std::string example);
/// Header names with their values.
[[nodiscard]] type<text_map> header_map_type();
[[nodiscard]] type<std::string> header_name_type();
/// `source_ip`, `header:NAME` and the like: `words` alone, or one of `prefixes` with a name behind it.
[[nodiscard]] type<std::string> selector_type(std::vector<std::string> words, std::vector<std::string> prefixes);

/// What HAProxy, nginx, Envoy and Traefik call our keys.
[[nodiscard]] std::span<const foreign_key> foreign_keys();

}  // namespace shoal::config
