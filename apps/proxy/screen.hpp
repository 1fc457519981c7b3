// SPDX-License-Identifier: Apache-2.0
// What the person who starts and stops the proxy sees.
#pragma once

#include "proxy/config.hpp"
#include "proxy/file_limit.hpp"
#include "proxy/tcp_proxy.hpp"
#include <shoal/core/runtime.hpp>

#include <memory>
#include <string>
#include <vector>

namespace proxy {

/// Version, poller, shards, listeners, limits, and how long the start took.
[[nodiscard]] std::string start_screen(const shoal::runtime& runtime,
                                       const std::vector<std::unique_ptr<tcp_proxy>>& proxies,
                                       const shoal::config::proxy_config& config, const file_limit& files,
                                       shoal::duration took);

/// For terminals: what to type next.
[[nodiscard]] std::string hints(const std::vector<std::unique_ptr<tcp_proxy>>& proxies, const std::string& file);

/// "1 connection (shard 0: 0, shard 1: 1), copied 0 B" and "left over: 0 fds, 0 blocks, 0 timers".
[[nodiscard]] std::string served(const shoal::runtime& runtime, const std::vector<std::unique_ptr<tcp_proxy>>& proxies);
[[nodiscard]] std::string left_over(const shoal::runtime& runtime);

}  // namespace proxy
