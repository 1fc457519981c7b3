// SPDX-License-Identifier: Apache-2.0
// The echo world: a server and its clients, each a runtime of four shards on a host of its own, on a network where
// everything goes wrong. What both sides saw of every connection is compared afterwards.
//
// Thread rule: one thread.
// Invariant: the outcome is a function of the seed alone.
#pragma once

#include <shoal/core/sim/profile.hpp>
#include <shoal/core/sim/trace.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace shoal::test {

struct echo_outcome {
  std::uint64_t hash = 0;
  std::uint64_t events = 0;
  sim::fault_counters faults;
  unsigned dialled = 0;    ///< attempts
  unsigned connected = 0;  ///< of them, connections
  unsigned whole = 0;      ///< of them, those that got all their bytes back
  unsigned broken = 0;     ///< of them, those that ended with an error
  /// What must not be; empty when all is well.
  std::vector<std::string> problems;
};

struct echo_setting {
  sim::network_profile profile = sim::worst_network();
  /// Beside what the network does: few descriptors, dials to a port where nobody listens, resets by either side, a
  /// server that is stopped too early.
  bool mishaps = true;
  sim::trace::sink lines;  ///< if set, the trace as text
};

/// The seed also decides how connections are distributed, whether a filter lies in between, and how large the marks
/// are.
[[nodiscard]] echo_outcome run_echo_world(std::uint64_t seed, const echo_setting& setting = {});

}  // namespace shoal::test
