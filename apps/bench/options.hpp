// SPDX-License-Identifier: Apache-2.0
// The command line of shoal-bench.
#pragma once

#include "bench/schedule.hpp"
#include <shoal/core/runtime.hpp>

#include <cstdint>
#include <string>

namespace bench {

struct options {
  std::string target;              ///< host:port, [ipv6]:port or unix:/path, without tcp://
  std::uint32_t connections = 64;  ///< on all cores together
  std::uint64_t requests = 0;      ///< how many to measure; 0: as many as fit into `length`
  shoal::duration length = std::chrono::seconds{10};
  shoal::duration warmup = std::chrono::seconds{1};
  shoal::duration timeout = std::chrono::seconds{5};
  double rate = 0;  ///< requests per second on all cores together; 0: a closed loop
  arrival arrivals = arrival::constant;
  std::uint64_t seed = 1;
  std::uint32_t size = 1024;  ///< bytes per frame
  std::string json;           ///< file to write; "-" is the standard output; empty: none
  shoal::runtime_options runtime;
};

inline constexpr std::uint32_t smallest_frame = 16;        ///< a connection's number and a request's
inline constexpr std::uint32_t largest_frame = 16U << 20;  ///< 16 MiB
inline constexpr std::uint32_t most_connections = 100'000;

/// Fills `out`. -1: go on; else the exit status (0 after --help or --version, 2 for bad usage).
[[nodiscard]] int parse(int argc, const char* const* argv, options& out);

}  // namespace bench
