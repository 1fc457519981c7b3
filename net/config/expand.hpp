// SPDX-License-Identifier: Apache-2.0
// ${NAME}, ${NAME:-default} and $$ inside a scalar. Expansion comes after YAML, so a variable can't add keys, and
// before the value is understood, so it can be a number or `off` like any other text.
#pragma once

#include <shoal/net/config/error.hpp>

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::config {

/// A variable's value, or nothing when it isn't set.
using environment_lookup = std::function<std::optional<std::string>(std::string_view name)>;

/// `text` with its variables replaced. As in a shell the default counts for a variable that is unset or empty; a dollar
/// before anything but `{` and `$` is a dollar.
[[nodiscard]] std::expected<std::string, problem> expand(std::string_view text, const environment_lookup& lookup);

/// The inverse for text without variables: what expand() turns back into `text`.
[[nodiscard]] std::string escape_dollars(std::string_view text);

}  // namespace shoal::config
