// SPDX-License-Identifier: Apache-2.0
// The proxy as a whole, from a valid configuration to its exit status.
#pragma once

#include "proxy/config.hpp"
#include "proxy/upgrade.hpp"

#include <string>

namespace proxy {

/// Serves until a signal ends it. `command`: how it was started, for an upgrade. 0, or 1 for a failure at run time (an
/// address in use).
[[nodiscard]] int run(shoal::config::proxy_config config, const std::string& file, command_line command);

}  // namespace proxy
