// SPDX-License-Identifier: Apache-2.0
// One world of the failure matrix: the whole tcp proxy on three shards, with two listeners. Behind `front` is the
// endpoint that fails; behind `other` a good one, whose clients must not notice.
//
// Thread rule: the test's thread.
#pragma once

#include "proxy/deployment.hpp"
#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/net/server.hpp>
#include <tests/sim/matrix_peers.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace shoal::test {

/// Late, in pieces and out of step, but of itself it breaks nothing: what breaks is the peers' doing.
[[nodiscard]] sim::network_profile rough_network() noexcept;

/// Two listeners, front and other; `endpoint` of docs/failures.md decides where front's upstream goes.
[[nodiscard]] config::proxy_config matrix_config(const std::string& endpoint);

class matrix_stage {
 public:
  matrix_stage(std::uint64_t seed, const sim::network_profile& network, config::proxy_config config,
               const std::string& endpoint);
  matrix_stage(const matrix_stage&) = delete;
  matrix_stage& operator=(const matrix_stage&) = delete;
  ~matrix_stage();

  /// A client of `front`, or of `other`; it comes within 30 ms.
  matrix_client& send_client(const std::string& how, bool to_other = false);
  /// Until all clients are done and the proxy has no connection left.
  [[nodiscard]] bool run_until_quiet();
  /// Ends the proxy; nothing of it may be left.
  void stop();

  /// The access log's words of `front`, with how many there are.
  [[nodiscard]] std::map<std::string, std::uint64_t, std::less<>> ends() const;
  [[nodiscard]] const matrix_endpoint& failing() const noexcept { return failing_; }
  /// The lines of the log since the last call that have these words.
  [[nodiscard]] std::vector<std::string> lines_with(const std::string& words);

  sim::world w;

 private:
  struct background {
    explicit background(shard&) {}
    scope tasks{[](const std::exception_ptr&) noexcept { std::terminate(); }};
  };

  log_collector lines_;
  config::proxy_config config_;
  matrix_endpoint failing_;
  matrix_endpoint good_{.how = "well-behaved", .owed = {}, .saw = {}};
  std::deque<matrix_client> clients_;
  std::shared_ptr<sim::sim_host> proxy_host_;
  runtime proxy_;
  runtime endpoints_;
  runtime client_side_;
  handed_sockets nothing_handed_;
  proxy::deployment serving_{proxy_, nullptr, nothing_handed_};
  std::vector<std::unique_ptr<server>> servers_;
  bool stopped_ = false;
};

}  // namespace shoal::test
