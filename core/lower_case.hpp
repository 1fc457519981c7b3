// SPDX-License-Identifier: Apache-2.0
// Lower case as names of hosts have it: the letters of ASCII, whatever the locale says.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace shoal {

[[nodiscard]] constexpr char lower_case(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string lower{text};
  for (char& c : lower) c = lower_case(c);
  return lower;
}

}  // namespace shoal
