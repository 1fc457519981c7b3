// SPDX-License-Identifier: Apache-2.0
// The bytes of a configuration, before YAML: read whole, within limits, and known to be clean UTF-8.
#pragma once

#include <shoal/net/config/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace shoal::config {

/// The whole file. Fails into `to` for a file that can't be read, is a directory, or is longer than longest_file.
[[nodiscard]] std::optional<std::string> read_source(const std::string& file, report& to);

/// False, with the reason in `to`, for text that is no UTF-8 or holds control bytes. yaml-cpp takes a 0x04 for the end
/// of the file and guesses at UTF-16: neither may reach it.
[[nodiscard]] bool check_source(std::string_view text, report& to);

/// Reports each line whose indentation holds a tab: YAML's own message names neither the tab nor the line. True if any.
bool report_tabs(std::string_view text, report& to);

}  // namespace shoal::config
