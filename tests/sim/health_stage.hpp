// SPDX-License-Identifier: Apache-2.0
// Where health is tested in simulation: a proxy of four shards, each with its own view of one upstream, and endpoints
// on hosts of their own that can be told to refuse, to keep silent or to answer nonsense.
//
// Thread rule: the test's thread.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/net/server.hpp>
#include <shoal/net/upstream/upstream_health.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::test {

/// One endpoint: up from its start() to its stop(); refuses otherwise.
class toy_endpoint {
 public:
  toy_endpoint(sim::world& w, std::size_t number, log_collector& lines);
  toy_endpoint(const toy_endpoint&) = delete;
  toy_endpoint& operator=(const toy_endpoint&) = delete;
  ~toy_endpoint();

  void start();
  void stop();
  [[nodiscard]] bool is_running() const noexcept { return running_; }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

  std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";  // to a request; empty: none
  std::uint64_t accepted = 0;
  std::string last_request;

 private:
  std::string where_;
  std::shared_ptr<sim::sim_host> host_;
  runtime runtime_;
  std::optional<server> server_;
  bool running_ = false;
};

struct health_plan {
  std::uint64_t seed = 1;
  sim::network_profile network = sim::perfect_network();
  std::size_t endpoints = 2;
  std::optional<health_check_options> check;
  std::optional<outlier_options> outlier;
  duration slow_start{0};
};

/// The proxy's side: `health`, and an upstream on each shard. Clients dial and report; they do not talk.
class health_stage final : private service {
 public:
  static constexpr unsigned shards = 4;

  explicit health_stage(const health_plan& plan);
  health_stage(const health_stage&) = delete;
  health_stage& operator=(const health_stage&) = delete;
  ~health_stage();
  /// The proxy ends, and nothing of it is left.
  void stop();

  /// What every shard says of its endpoints, "10" for the first up and the second down; "?" if they do not agree.
  [[nodiscard]] std::string seen() const;
  /// Until all shards say so; the time it took, or nothing.
  [[nodiscard]] std::optional<duration> until_seen(std::string_view states, duration within);
  /// So many clients come on that shard, one after the other.
  void send_clients(shard_id on, unsigned count);
  void limit_descriptors(std::size_t most) { host_->set_descriptor_limit(most); }
  /// All of them have been served, or not.
  [[nodiscard]] bool clients_done() const noexcept { return clients_ == 0; }
  /// The lines about the upstream since the last call, without what stands before "upstream".
  [[nodiscard]] std::vector<std::string> news();

  log_collector lines;
  sim::world w;
  std::vector<std::unique_ptr<toy_endpoint>> endpoints;
  std::vector<std::uint64_t> served_by;  // by endpoint
  std::uint64_t refused = 0;

 private:
  struct background {
    explicit background(shard&) {}
    scope tasks{[](const std::exception_ptr&) noexcept { std::terminate(); }};
  };

  std::expected<void, start_failure> prepare(runtime& owner) override;
  void start(shard& here) override;
  task<> stop(shard& here, instant deadline) override;
  [[nodiscard]] task<> run_clients(unsigned count);
  [[nodiscard]] upstream_health_options options_of(const health_plan& plan);

  std::shared_ptr<sim::sim_host> host_;
  runtime proxy_;
  std::vector<endpoint_options> list_;
  std::optional<upstream_health> health_;
  duration slow_start_;
  std::vector<std::unique_ptr<upstream>> groups_;  // by shard
  std::size_t clients_ = 0;
  bool stopped_ = false;
};

}  // namespace shoal::test
