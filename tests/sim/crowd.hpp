// SPDX-License-Identifier: Apache-2.0
// A crowd of clients before one server of some shards, on a simulated network without faults: who of them is served
// where? Every request says how long the server has to work for it; the answer says which shard did.
//
// Thread rule: one thread.
// Invariant: the outcome is a function of the seed and of what is asked for.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/net/dialer.hpp>
#include <shoal/net/server.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace shoal::test {

/// How many clients were served by each shard.
struct tally {
  std::vector<std::uint64_t> by_shard;

  [[nodiscard]] std::uint64_t total() const;
  /// The largest count as a multiple of the mean.
  [[nodiscard]] double max_to_mean() const;
};

struct client_habit {
  duration work{0};    ///< per request, at most 65 ms
  duration pause{0};   ///< between two requests, half of it to one and a half; a client without asks once
  std::string source;  ///< its address; empty = the host's
};

class crowd {
 public:
  static constexpr std::size_t shards = 4;

  crowd(std::uint64_t seed, accept_distribution how, rebalance_mode rebalance = rebalance_mode::off);
  crowd(const crowd&) = delete;
  crowd& operator=(const crowd&) = delete;
  /// Checks that nothing is left over.
  ~crowd();

  /// One client, from now on; it is counted in `where` when it has its first answer. Clients that pause stay until the
  /// end. `where` must outlive the crowd.
  void come(const client_habit& habit, tally& where);
  /// Until everybody has an answer and those that ask once have gone; within so much time.
  void settle(duration within);
  void run_for(duration length) { world_.run_for(length); }

  [[nodiscard]] load_snapshot load(shard_id s) const { return server_side_.load_of(s).at(world_.now()); }
  [[nodiscard]] std::uint64_t open_on(shard_id s) const { return server_->connections_on(s); }
  /// Answers so far.
  [[nodiscard]] std::uint64_t answers() const noexcept { return answers_; }
  [[nodiscard]] std::string logged();
  void add_source(const std::string& address) { client_host_->add_address(address); }
  [[nodiscard]] random_source& chance() noexcept { return chance_; }

 private:
  struct profiles;
  static runtime_options quiet(unsigned shard_count, log_collector& lines);
  task<> talk(client_habit habit, tally& where);

  random_source chance_;
  sim::world world_;
  std::shared_ptr<sim::sim_host> server_host_ = world_.add_host("10.0.0.1");
  std::shared_ptr<sim::sim_host> client_host_ = world_.add_host("10.0.0.2");
  log_collector lines_;
  runtime server_side_;
  runtime client_side_;
  std::unique_ptr<server> server_;
  std::size_t under_way_ = 0;  // clients without an answer, or that ask once and have not gone
  std::uint64_t answers_ = 0;
  bool over_ = false;
};

}  // namespace shoal::test
