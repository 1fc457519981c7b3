// SPDX-License-Identifier: Apache-2.0
// The command line of shoal-echo.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/net/balancer/accept_distribution.hpp>
#include <shoal/net/balancer/rebalance_mode.hpp>

#include <string>
#include <vector>

namespace echo {

enum class handler_style { callback, coroutine };

struct options {
  std::vector<std::string> listen{"127.0.0.1:7000"};
  shoal::runtime_options runtime;
  shoal::accept_distribution distribution;
  shoal::rebalance_mode rebalance = shoal::rebalance_mode::off;
  shoal::duration work{0};  ///< CPU time per request
  handler_style style = handler_style::callback;
  bool stats = false;
};

/// Fills `out`. -1: go on; else the exit status (0 after --help or --version, 2 for bad usage).
[[nodiscard]] int parse(int argc, const char* const* argv, options& out);

}  // namespace echo
