// SPDX-License-Identifier: Apache-2.0
// What the worlds in which connections move have in common: hosts and runtimes, an echo of frames, clients, somebody
// who meddles, and the verdict.
//
// Frames: u16 length and bytes one way; 'E', 0, length and the bytes again the other way.
//
// Thread rule: one thread.
#pragma once

#include <shoal/core/random.hpp>
#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/connection_handle.hpp>
#include <tests/sim/move_client.hpp>
#include <tests/sim/move_world.hpp>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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

/// A world from its first event to its last. The draws of `choice_` are the world's: their order is part of a seed.
class move_stage {
 public:
  move_stage(const move_stage&) = delete;
  move_stage& operator=(const move_stage&) = delete;

 protected:
  move_stage(std::uint64_t seed, const move_setting& setting);
  virtual ~move_stage() = default;

  /// Until the clients of `talking` are done, or for ever has passed. Connections move in `moving`; `behind` serves it.
  [[nodiscard]] move_outcome play(runtime& moving, runtime& talking, runtime* behind = nullptr);

  /// Something happens to somebody, if anybody is there.
  virtual void meddle_once() = 0;
  /// Moves that arrived.
  [[nodiscard]] virtual std::uint64_t moves() const = 0;
  /// All runtimes have stopped: the servers go.
  virtual void take_down() = 0;
  virtual void judge() = 0;

  [[nodiscard]] std::shared_ptr<sim::sim_host> add_host(const std::string& where);
  [[nodiscard]] shard_id any_shard() { return static_cast<shard_id>(choice_.below(move_shards)); }
  void send_about(runtime& side, shard_id from, const connection_handle& name, shard_id to);
  /// All places of the lane to `to` are taken for a while.
  void fill_lane(runtime& side, shard_id from, shard_id to);
  void close_by_name(runtime& side, shard_id from, const connection_handle& name);
  void problem(std::string what) { outcome_.problems.push_back(std::move(what)); }

  random_source choice_;
  const bool mishaps_;
  sim::world world_;
  log_collector lines_;
  move_clients clients_;
  move_outcome outcome_;

 private:
  void meddle();
  void stop(runtime& side);

  std::vector<std::shared_ptr<sim::sim_host>> hosts_;
  bool meddling_ = true;
};

}  // namespace shoal::test
