// SPDX-License-Identifier: Apache-2.0
// rebalancer: a shard's own part in spreading work: looks at the loads of all shards, and when it has much more to do
// than another, sends some of its connections there.
//
//   look every 100 ms --reason found--> measure what each connection costs --next look--> move half the difference
//        ^-------------------------- wait until the effect shows ----------------------------------/
//
// There is no leader: each shard decides for itself what it gives away, and by the proportions of rebalance_policy.hpp
// all of them together give nobody too much.
//
// Thread rule: owner shard only (shard::local<rebalancer>()).
// Invariants: runs only while a server that wants it does. No ping-pong: small differences are no reason, a reason must
//   last, and who has moved stays for a while.
#pragma once

#include <shoal/core/log_gate.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/net/balancer/rebalance_mode.hpp>
#include <shoal/net/balancer/rebalance_policy.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace shoal {

class connection;

struct rebalance_counters {
  std::uint64_t decisions = 0;  ///< looks that found something to move
  std::uint64_t wanted = 0;     ///< connections told to move
  std::uint64_t reported = 0;   ///< those that a dry run would have told
};

class rebalancer {
 public:
  explicit rebalancer(shard& here);
  rebalancer(const rebalancer&) = delete;
  rebalancer& operator=(const rebalancer&) = delete;
  ~rebalancer();

  /// A server wants it; as many calls of leave() end it.
  void join();
  void leave();
  /// From the next look on.
  void set_options(const rebalance_options& options) noexcept { options_ = options; }

  [[nodiscard]] const rebalance_counters& counters() const noexcept { return counters_; }

 private:
  struct look_timer final : timer {
    explicit look_timer(rebalancer& r) noexcept;
    rebalancer& owner;
  };
  /// What may move.
  struct selection {
    std::vector<connection*> eligible;
    std::vector<rebalance_candidate> candidates;  // by index in `eligible`
    double total = 0;                             // cost of all connections, eligible or not
    std::size_t connections = 0;
  };

  void look();
  void look_at_loads();
  void begin_sampling();
  void end_sampling() noexcept;
  [[nodiscard]] selection eligible_connections();
  void act(const std::vector<rebalance_portion>& portions);
  /// How many were told in earnest; a dry run tells nobody.
  std::size_t send(std::span<const rebalance_candidate> movers, const selection& from, shard_id to);
  void report(std::size_t moves, std::size_t in_earnest, const selection& of, shard_id to);

  shard& shard_;
  rebalance_options options_;
  std::vector<shard_view> views_;  // by shard; here, so that a look does not allocate
  unsigned users_ = 0;
  unsigned reasons_ = 0;  // looks in a row that found one
  instant settled_ = instant::min();
  look_timer timer_{*this};
  log_gate gate_;
  rebalance_counters counters_;
};

}  // namespace shoal
