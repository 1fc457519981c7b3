// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/matrix_table.hpp>

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <string_view>

namespace shoal::test {
namespace {

/// `text` at each `mark`, without spaces around.
std::vector<std::string> parted(std::string_view text, std::string_view mark) {
  std::vector<std::string> parts;
  while (true) {
    const auto at = text.find(mark);
    std::string_view part = text.substr(0, at);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    parts.emplace_back(part);
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + mark.size());
  }
}

}  // namespace

std::vector<matrix_cell> matrix_cells() {
  std::vector<matrix_cell> cells;
  std::ifstream file{SHOAL_SOURCE_DIR "/docs/failures.md"};
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (inside && line.starts_with("| ")) {
      const auto columns = parted(line, "|");  // an empty one at either end
      BOOST_REQUIRE_EQUAL(columns.size(), 7U);
      cells.push_back(
          {columns[1], columns[2], parted(columns[3], " or "), parted(columns[4], " or "), parted(columns[5], " or ")});
    } else {
      inside = line.starts_with("|---");
    }
  }
  BOOST_REQUIRE(!cells.empty());
  return cells;
}

}  // namespace shoal::test
