// SPDX-License-Identifier: Apache-2.0
// The command line of shoal-echo.
#pragma once

#include <shoal/core/runtime.hpp>

#include <string>
#include <vector>

namespace echo {

struct options {
  std::vector<std::string> listen{"127.0.0.1:7000"};
  shoal::runtime_options runtime;
};

/// Fills `out`. -1: go on; else the exit status (0 after --help or --version, 2 for bad usage).
[[nodiscard]] int parse(int argc, const char* const* argv, options& out);

}  // namespace echo
