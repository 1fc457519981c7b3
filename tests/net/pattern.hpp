// SPDX-License-Identifier: Apache-2.0
// Bytes for tests of streams.
//
// Thread rule: a plain function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace shoal::test {

/// Text that repeats nowhere soon, so that bytes out of place show.
[[nodiscard]] inline std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  std::uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>('!' + (state >> 24) % 90);
  }
  return text;
}

}  // namespace shoal::test
