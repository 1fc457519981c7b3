// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/dial_options.hpp>

namespace shoal {

std::string to_string(const std::vector<dial_failure>& failures) {
  std::string text;
  for (const auto& [where, error] : failures) {
    if (!text.empty()) text += "; ";
    if (where.is_set()) text += to_string(where) + ": ";
    text += error.message();
  }
  return text;
}

}  // namespace shoal
