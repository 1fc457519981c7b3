// SPDX-License-Identifier: Apache-2.0
// Rates and shares: 1000/s 60/m 20%.
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/net/config/error.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace shoal::config {

/// So many in each period, which is a second, a minute or an hour.
struct rate {
  std::uint64_t count = 0;
  duration period = std::chrono::seconds{1};

  friend bool operator==(const rate&, const rate&) = default;
};

inline constexpr std::uint64_t highest_rate = 1'000'000'000;

/// `1000/s`, `60/m`, `10/h`.
[[nodiscard]] std::expected<rate, problem> parse_rate(std::string_view text);
[[nodiscard]] std::string format_rate(rate value);

/// `20%` or `20`: whole percents.
[[nodiscard]] std::expected<unsigned, problem> parse_percent(std::string_view text, unsigned least = 0,
                                                             unsigned most = 100);
[[nodiscard]] std::string format_percent(unsigned value);

}  // namespace shoal::config
