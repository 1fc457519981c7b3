// SPDX-License-Identifier: Apache-2.0
// A simulated world: hosts, a network between them, one virtual clock. Everything that happens in it follows from its
// seed, so a run that failed once fails again.
//
//   sim::world world{seed, sim::worst_network()};
//   auto a = world.add_host("10.0.0.1");                       // a machine; several runtimes may run on one
//   auto b = world.add_host("10.0.0.2");
//   runtime server_side{options, a};  server s{server_side, {.bind = "10.0.0.1:7000"}};
//   runtime client_side{options, b};  ...
//   server_side.start();  client_side.start();                 // as on a real host; nothing runs yet
//   world.run_until([&] { return done; }, 10s);                // virtual seconds
//   server_side.stop();  server_side.wait();                   // wait() runs the world until the runtime has ended
//
// Runtimes take their shards' turns on the thread that calls run_until(), run_for() or runtime::wait(), interleaved by
// the seed; where a shard would sleep, the clock jumps. Say how many shards (`shards = 4`): a simulated host has one
// CPU. post() works from outside; do not block on its future, run_until() it is ready.
//
// Names: each host has a script (a->names(), scripted_resolver.hpp) of what they mean to it, how late the answer is, or
// how it fails.
//
// Thread rule: one thread, from construction to destruction.
// Invariants:
//  1. The world outlives the runtimes on its hosts and whatever else uses them.
//  2. Two runs with the same seed, profile and program give the same trace, in every build.
//  3. Nothing in it reads a clock, draws a random number or makes a system call on a socket.
#pragma once

#include <shoal/core/sim/conductor.hpp>
#include <shoal/core/sim/environment.hpp>
#include <shoal/core/sim/network.hpp>
#include <shoal/core/sim/sim_host.hpp>

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace shoal::sim {

class world {
 public:
  explicit world(std::uint64_t seed, const network_profile& behaviour = perfect_network());
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  /// Every runtime on its hosts must have ended.
  ~world();

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] std::shared_ptr<sim_host> add_host(std::string_view address);

  [[nodiscard]] instant now() const noexcept { return inside_.time.now(); }
  /// Runs `what` then, on no shard: to break, to heal, to set a clock, to stop a runtime.
  void at(instant when, std::function<void()> what) { inside_.time.at(when, std::move(what)); }
  void after(duration delay, std::function<void()> what) { inside_.time.after(delay, std::move(what)); }
  /// From now on. What is under way keeps the latency it has.
  void set_profile(const network_profile& behaviour) noexcept { inside_.profile = behaviour; }

  /// Until the condition holds, which is looked at between events. False if it does not within so much virtual time, or
  /// if nothing will happen any more: everything sleeps for ever, which is how a lost wake-up shows.
  [[nodiscard]] bool run_until(const std::function<bool()>& condition, duration within);
  void run_for(duration length);
  /// Nothing will happen any more unless it is asked for.
  [[nodiscard]] bool is_still() const noexcept { return inside_.time.empty(); }

  [[nodiscard]] const fault_counters& faults() const noexcept { return inside_.faults; }
  /// Of all that happened so far.
  [[nodiscard]] std::uint64_t trace_hash() const noexcept { return inside_.log.hash(); }
  [[nodiscard]] std::uint64_t trace_events() const noexcept { return inside_.log.events(); }
  /// Every event from now on as a line of text.
  void write_trace(trace::sink lines) { inside_.log.write_to(std::move(lines)); }

 private:
  const std::uint64_t seed_;
  environment inside_;
  network network_{inside_};
  conductor runs_{inside_};
  std::vector<std::shared_ptr<sim_host>> hosts_;
};

}  // namespace shoal::sim
