// SPDX-License-Identifier: Apache-2.0
// From a YAML file to a proxy_config, or to all that is wrong with it.
//
// Thread rule: no state; any thread. Reads files, so not on a shard.
#pragma once

#include "proxy/config.hpp"
#include <shoal/net/config/error.hpp>
#include <shoal/net/config/reading.hpp>

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::config {

using loaded_config = std::expected<proxy_config, std::vector<config_error>>;

/// Reads and checks a file; binds and resolves nothing.
[[nodiscard]] loaded_config load_proxy_config(const std::string& file, const surroundings& around);

/// The same for text that is at hand. `file` is its name in errors, and where relative file names start.
[[nodiscard]] loaded_config parse_proxy_config(std::string_view text, const std::string& file,
                                               const surroundings& around);

}  // namespace shoal::config
