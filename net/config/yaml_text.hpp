// SPDX-License-Identifier: Apache-2.0
// A tree as YAML that any YAML tool reads, and parse_document() with expand() reads back to the same tree.
#pragma once

#include <shoal/net/config/document.hpp>

#include <string>

namespace shoal::config {

/// Block style, two spaces a level; scalars quoted where another tool might take them for something else; dollars
/// doubled, because scalars are expanded when they are read.
[[nodiscard]] std::string to_yaml(const node& root);

}  // namespace shoal::config
