// SPDX-License-Identifier: Apache-2.0
// Sizes in bytes: 4KiB 1MiB (powers of 1024), 2GB (powers of 1000), or a plain number. Exact.
#pragma once

#include <shoal/net/config/error.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace shoal::config {

/// The largest size a configuration may say: 1024 TiB, more than any machine has and far from overflow.
inline constexpr std::uint64_t largest_size = std::uint64_t{1} << 50;

[[nodiscard]] std::expected<std::uint64_t, problem> parse_size(std::string_view text);

/// With the unit that leaves the smallest number: 64KiB, 2GB, 1000. parse_size() gives the same value back.
[[nodiscard]] std::string format_size(std::uint64_t value);

}  // namespace shoal::config
