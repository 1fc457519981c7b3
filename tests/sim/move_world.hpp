// SPDX-License-Identifier: Apache-2.0
// The move world: a server of four shards whose connections are sent from shard to shard all the time, while everything
// else that can happen to them happens: data both ways, half-close, resets, closes and bytes by name from every shard,
// timeouts, full lanes, a stop. What both sides saw is compared afterwards.
//
// Client to server: frames of u16 length and bytes. Server to client: 'E', 0, length and bytes, the frame again; or
// 'P', u8 sender, u32 number: what shard `sender` posted by the connection's name.
//
// Thread rule: one thread.
// Invariant: the outcome is a function of seed and setting alone.
#pragma once

#include <shoal/core/sim/profile.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace shoal::test {

struct move_setting {
  sim::network_profile profile = sim::worst_network();
  /// Closes by name, resets by clients, time-outs, an early stop.
  bool mishaps = true;
};

struct move_outcome {
  std::uint64_t hash = 0;
  unsigned dialled = 0;
  unsigned whole = 0;                 ///< got every frame back, and an orderly end
  std::uint64_t moves = 0;            ///< that arrived
  std::uint64_t posts = 0;            ///< by name, that arrived
  std::uint64_t full_lanes = 0;       ///< found by anything
  std::vector<std::string> problems;  ///< what must not be
};

[[nodiscard]] move_outcome run_move_world(std::uint64_t seed, const move_setting& setting = {});

/// The same with a proxy in between, whose pairs move; nothing is posted. `dialled` counts its clients.
[[nodiscard]] move_outcome run_pair_world(std::uint64_t seed, const move_setting& setting = {});

}  // namespace shoal::test
