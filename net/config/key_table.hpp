// SPDX-License-Identifier: Apache-2.0
// A description as the tables of the manual.
#pragma once

#include <shoal/net/config/value_type.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace shoal::config {

/// A Markdown table of the keys of the object at `path` ("" for the root, "runtime", "listeners[]"): key, type,
/// default, what it does. Objects inside it are listed with dots ("accept.backlog"), as are flat ones in lists
/// ("endpoints[].dns"); objects in lists that hold others have tables of their own. Nothing if no object is there.
[[nodiscard]] std::optional<std::string> key_table(const value_type& root, std::string_view path);

/// `text` with what stands between each `<!-- keys: PATH -->` and the next `<!-- end of keys -->` replaced by the table
/// of PATH. Nothing if a PATH or an end is missing.
[[nodiscard]] std::optional<std::string> with_key_tables(const value_type& root, std::string_view text);

}  // namespace shoal::config
