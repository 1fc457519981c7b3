// SPDX-License-Identifier: Apache-2.0
// Tables of byte strings in tests/net/data, each row with what must come of it. tests/interop reads the same files.
//
// Thread rule: pure functions.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::test {

struct byte_row {
  std::string bytes;
  std::string why;   ///< what the log says
  std::string rule;  ///< which rule is broken, and where it stands
  std::size_t line = 0;
};

/// 'text with \r \n \0 \t', hexadecimal, SIG; WORD*N.
[[nodiscard]] std::string bytes_of(std::string_view words);

/// The rows of a file in tests/net/data; none is a failed test.
[[nodiscard]] std::vector<byte_row> byte_table(std::string_view file);

}  // namespace shoal::test
