// SPDX-License-Identifier: Apache-2.0
// Whole numbers, the ground of all other values: decimal digits and nothing else, exact, no locale.
#pragma once

#include <shoal/net/config/error.hpp>

#include <cstdint>
#include <expected>
#include <string_view>

namespace shoal::config {

/// Digits from the front of a text, and what follows them.
struct leading_number {
  std::uint64_t value = 0;
  std::string_view rest;
};

/// Fails without a digit at the front (a sign is none) and above 2^64 - 1. `what` names the value in the message: "a
/// size".
[[nodiscard]] std::expected<leading_number, problem> take_number(std::string_view text, std::string_view what,
                                                                 std::string_view example);

/// The whole text as a number from `least` to `most`.
[[nodiscard]] std::expected<std::uint64_t, problem> parse_number(std::string_view text, std::uint64_t least,
                                                                 std::uint64_t most);

}  // namespace shoal::config
