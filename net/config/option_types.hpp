// SPDX-License-Identifier: Apache-2.0
// The descriptions of the options that every server has ("options.hpp"), to put into the description of a program.
#pragma once

#include <shoal/net/config/options.hpp>
#include <shoal/net/config/value_type.hpp>

#include <string>
#include <vector>

namespace shoal::config {

// Reasons for keys that count in one kind of listener only, shown when they stand in another.
inline constexpr const char* requests_only = "a tcp connection has no requests: remove the key";

/// Longest time-out that can be written where one is needed.
inline constexpr duration longest_timeout = std::chrono::days{30};
/// Shortest: less than a turn of a busy shard is no time-out but an accident.
inline constexpr duration shortest_timeout = std::chrono::milliseconds{1};

/// A timeout that must be finite.
[[nodiscard]] type<duration> timeout_type(std::string example);
/// The same where a word beside it means none.
[[nodiscard]] type<duration> optional_timeout_type(std::string example);
[[nodiscard]] type<socket_address> bind_type();

[[nodiscard]] type<runtime_options> runtime_type();
[[nodiscard]] type<shutdown_options> shutdown_type();
[[nodiscard]] type<log_options> log_type();
[[nodiscard]] type<buffer_limits> buffers_type();
/// The keys of listener_options; those for requests have the scope "http".
[[nodiscard]] std::vector<key> listener_keys();

}  // namespace shoal::config
