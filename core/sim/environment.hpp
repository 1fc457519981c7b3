// SPDX-License-Identifier: Apache-2.0
// What all parts of one simulated world share: the clock, the dice, the trace, and the counters of faults.
//
// Thread rule: the world's thread.
// Invariant: each kind of decision has dice of its own, so that one more draw here changes nothing there.
#pragma once

#include <shoal/core/sim/dice.hpp>
#include <shoal/core/sim/profile.hpp>
#include <shoal/core/sim/timeline.hpp>
#include <shoal/core/sim/trace.hpp>

namespace shoal::sim {

struct environment {
  environment(std::uint64_t seed, const network_profile& behaviour)
      : profile(behaviour),
        time(seed * 8),
        wire(seed * 8 + 1),
        sockets(seed * 8 + 2),
        shards(seed * 8 + 3),
        seeds(seed * 8 + 4) {}

  void note(std::uint32_t host, trace_event what, std::uint64_t a, std::uint64_t b = 0, std::uint64_t c = 0) {
    log.add(time.now(), host, what, a, b, c);
  }

  network_profile profile;
  fault_counters faults;
  trace log;
  timeline time;
  dice wire;                        // latency, segments, lost and broken
  dice sockets;                     // what a single call does
  dice shards;                      // who runs when
  dice seeds;                       // what host::random_seed() gives
  std::uint64_t connections = 0;    // numbers given out
  std::uint64_t segments_sent = 0;  // all connections together, to see who overtakes whom
  std::uint64_t newest_segment = 0;
  std::uint64_t newest_from = 0;
};

}  // namespace shoal::sim
