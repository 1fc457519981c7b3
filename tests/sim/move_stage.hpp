// SPDX-License-Identifier: Apache-2.0
// What the worlds in which connections move have in common: their runtimes, an echo of frames, clients and the verdict
// on them, and full lanes.
//
// Frames: u16 length and bytes one way; 'E', 0, length and the bytes again the other way.
//
// Thread rule: one thread.
#pragma once

#include <shoal/core/random.hpp>
#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/net/connection.hpp>
#include <tests/sim/move_client.hpp>
#include <tests/sim/move_world.hpp>

#include <deque>
#include <string>
#include <utility>

namespace shoal::test {

inline constexpr unsigned move_shards = 4;

/// Tasks of a shard that nobody waits for.
struct background {
  explicit background(shard&) {}
  scope tasks{[](const std::exception_ptr&) noexcept { std::terminate(); }};
};

[[nodiscard]] runtime_options quiet_runtime(log_collector& lines);

/// Runs `what` on a shard, if it still runs.
template <class F>
void on(runtime& side, shard_id where, F what) {
  auto started = side.post(where, std::move(what));
  static_cast<void>(started);
}

/// Answers all whole frames.
void echo_frames(connection& c);
/// Answers one frame.
[[nodiscard]] task<> echo_one_frame(connection& c);

/// On the current shard: all places of the lane to `to` are taken for so long.
void fill_lane(shard_id to, duration time);

/// Clients with what they plan and what they saw.
class move_clients {
 public:
  /// One more, of `options`, that dials `target`. `mishaps`: it may quit or fall silent.
  void add(random_source& choice, const address& target, const connection_options& options, bool mishaps);
  /// Starts them, spread over the shards of `side`.
  void start(runtime& side);
  [[nodiscard]] bool all_done() const;
  /// Counts and problems.
  void judge(move_outcome& outcome) const;

 private:
  std::deque<move_client_plan> plans_;
  std::deque<move_client_outcome> outcomes_;
};

/// Stops it and adds what its shards report.
void stop_side(runtime& side, move_outcome& outcome);

}  // namespace shoal::test
