// SPDX-License-Identifier: Apache-2.0
// What the person who starts and stops the proxy sees.
#pragma once

#include "proxy/admin.hpp"
#include "proxy/file_limit.hpp"
#include <shoal/core/runtime.hpp>

#include <string>

namespace proxy {

/// `states`: null if it is off. Version, poller, shards, listeners, limits, and how long the start took.
[[nodiscard]] std::string start_screen(const shoal::runtime& runtime, const generation& now, const admin* states,
                                       const file_limit& files, shoal::duration took);

/// For terminals: what to type next.
[[nodiscard]] std::string hints(const generation& now, const std::string& file);

/// "1 connection (shard 0: 0, shard 1: 1), copied 0 B" and "left over: 0 fds, 0 blocks, 0 timers".
[[nodiscard]] std::string served(const shoal::runtime& runtime, const generation& now);
[[nodiscard]] std::string left_over(const shoal::runtime& runtime);

}  // namespace proxy
