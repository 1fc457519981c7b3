// SPDX-License-Identifier: Apache-2.0
// What the command line can ask about configurations: --check, --print-config, --print-schema. Everything is text that
// main() writes; nothing is bound, resolved or started.
#pragma once

#include "proxy/config.hpp"
#include <shoal/net/config/reading.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::config {

/// How --check answers.
enum class check_format : std::uint8_t { text, json };

struct check_answer {
  int exit_code = 0;   ///< 0, or 2 for a file with errors
  std::string output;  ///< for standard output: "ok: ...", or the JSON array of errors
  std::string errors;  ///< for standard error: a line for each error
};

[[nodiscard]] check_answer check(const std::string& file, check_format format, const surroundings& around);

/// "1 listener, 3 upstreams".
[[nodiscard]] std::string summary(const proxy_config& config);

/// Every value that counts, as YAML that load_proxy_config() reads back to the same configuration.
[[nodiscard]] std::string print_config(const proxy_config& config);

/// JSON Schema of the whole file.
[[nodiscard]] std::string print_schema();

/// The manual with the tables of its keys brought up to date ("key_table.hpp"); nothing if a mark in it is wrong.
[[nodiscard]] std::optional<std::string> update_manual(std::string_view text);

}  // namespace shoal::config
