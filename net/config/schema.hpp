// SPDX-License-Identifier: Apache-2.0
// A description as JSON Schema, for editors (yaml-language-server) and other tools: completion, docs on hover, errors
// as one types. It accepts every file that the description accepts; what only a parser can judge is left to --check.
#pragma once

#include <shoal/net/config/value_type.hpp>

#include <string>
#include <string_view>

namespace shoal::config {

/// Draft 07, which is what editors speak. Ends in a line end.
[[nodiscard]] std::string to_json_schema(const value_type& root, std::string_view title);

}  // namespace shoal::config
