// SPDX-License-Identifier: Apache-2.0
// Durations as people write them: 250us 10ms 5s 2m 1h 1d, or several of them: 1m30s. Exact to the nanosecond.
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/net/config/error.hpp>

#include <expected>
#include <string>
#include <string_view>

namespace shoal::config {

/// The longest duration a configuration may say. Two of them added stay far from overflow.
inline constexpr duration longest_duration = std::chrono::days{365};

/// A number needs its unit, except 0.
[[nodiscard]] std::expected<duration, problem> parse_duration(std::string_view text);

/// In the largest unit that divides it: 90s, 2m, 250us; one minute is 60s. parse_duration() gives the same value back.
[[nodiscard]] std::string format_duration(duration value);

}  // namespace shoal::config
