// SPDX-License-Identifier: Apache-2.0
// What the client programs share around their work: options, the limit of open files, and the exit status. Exit: 0,
// 1 after an error, 2 wrong usage.
#pragma once

#include "setup.h"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>

namespace shoal::bench {

/// What the last failed system call says.
[[nodiscard]] inline std::string error_text() { return std::generic_category().message(errno); }

/// Parses, runs `body` (which returns the exit status), and reports what it throws.
template <typename Body>
int run_program(CLI::App& app, int argc, char** argv, Body body) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;  // CLI11's own statuses are above 100
  }
  try {
    raise_fd_limit();
    return body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}

}  // namespace shoal::bench
