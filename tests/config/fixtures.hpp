// SPDX-License-Identifier: Apache-2.0
// What the tests of the configuration share: made-up surroundings, text in, errors out.
#pragma once

#include "proxy/config_load.hpp"
#include <shoal/net/config/document.hpp>
#include <shoal/net/config/reading.hpp>

#include <map>
#include <string>
#include <string_view>

namespace shoal::config::test {

/// An environment that holds exactly this, and files that all exist.
[[nodiscard]] surroundings made_up(std::map<std::string, std::string, std::less<>> variables = {});
/// The same, where features that come later count as there.
[[nodiscard]] surroundings from_the_future();

/// The configuration that `text` declares; a failed test, with the errors, if it declares none.
[[nodiscard]] proxy_config good(std::string_view text, const surroundings& around = made_up());
/// The errors of `text`, a line each, as the program prints them for a file called "x.yaml".
[[nodiscard]] std::string errors_of(std::string_view text, const surroundings& around = made_up());

/// A whole file around one listener's or one upstream's keys ("bind: ..., upstream: ..." in flow style).
[[nodiscard]] std::string with_listener(std::string_view keys);
[[nodiscard]] std::string with_upstream(std::string_view keys);

/// A file of the source tree.
[[nodiscard]] std::string source_path(std::string_view path);
[[nodiscard]] std::string read_file(const std::string& path);

/// For files that are generated: `wanted` must be what stands in the source tree. With SHOAL_UPDATE_GENERATED=1 in the
/// environment the file is written instead.
void check_generated(std::string_view path, const std::string& wanted);

/// A tree as one line of text, to compare: {a: [b, c]}.
[[nodiscard]] std::string shown(const node& tree);

}  // namespace shoal::config::test
