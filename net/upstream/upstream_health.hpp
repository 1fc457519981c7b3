// SPDX-License-Identifier: Apache-2.0
// upstream_health: which endpoints of an upstream are up, for the whole process: found out once and told to all shards.
//
//   upstream_health health{runtime, {.name = "api", .endpoints = ..., .check = health_check_options{}}};
//   server s{runtime, ...};                             // added later: it stops earlier
//
//   health.attach(up);                                  // a shard's upstream of the same endpoints
//   ...
//   auto dialled = co_await dialer.dial(e->where(), options);
//   health.report(index_of(*e), dialled ? std::error_code{} : dialled.error());
//
// One shard, the upstream's home (by its name), checks and decides; the others learn the outcome by message. All
// endpoints are up until something says otherwise: a proxy that starts serves at once.
//
//   upstream api 10.0.0.1:9000 up -> down: connect refused (1 of 2 left)
//   upstream api 10.0.0.1:9000 down -> up: 2 good checks (2 of 2 up)
//
// Thread rule: made and destroyed like a server, before the start or late (core/shared_service.hpp); the rest on
//   every shard, from the start of the services that were added after it to their stop.
// Promises:
//  1. One line in the log per change, as above: up for checks and not ejected, or not.
//  2. A shard's upstreams change together, between two steps of the shard's turn.
//  3. Failures in a row are counted over all shards: one success anywhere begins a new row. Only what is the endpoint's
//     fault counts (endpoint_fault.hpp). Connecting and serving have a row each, so that an endpoint that takes every
//     connection and then cuts it off is found too.
//  4. The time an answer takes to reach a shard is that of a message; lost ones do not exist.
// Costs: a report of a success is one read, and nothing is sent; a check of an endpoint holds one descriptor for at
//   most its timeout.
#pragma once

#include <shoal/core/sharded_service.hpp>
#include <shoal/net/upstream/health_options.hpp>
#include <shoal/net/upstream/health_shard.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace shoal {

struct upstream_health_options {
  std::string name;                         ///< in the log, and what home goes by
  std::vector<endpoint_options> endpoints;  ///< those of the upstreams that will be attached, in their order
  std::optional<health_check_options> check;
  std::optional<outlier_options> outlier;
};

class upstream_health {
 public:
  /// Throws std::invalid_argument for a time or a number that must not be 0.
  upstream_health(runtime& owner, upstream_health_options options);
  upstream_health(const upstream_health&) = delete;
  upstream_health& operator=(const upstream_health&) = delete;
  ~upstream_health() = default;

  /// From now on the upstream's endpoints are up or down as home says. It must outlive this, or be detached.
  void attach(upstream& up) { shards_.local().attach(up); }
  void detach(upstream& up) noexcept { shards_.local().detach(up); }
  /// How connecting to an endpoint went. Without ejection it does nothing.
  void report(std::size_t endpoint, std::error_code outcome) {
    shards_.local().report(endpoint, detail::service_stage::connecting, outcome);
  }
  /// How a connection that came about went on: the endpoint has sent its first byte (no error), or cut it off before.
  void report_service(std::size_t endpoint, std::error_code outcome) {
    shards_.local().report(endpoint, detail::service_stage::serving, outcome);
  }
  /// What this shard knows.
  [[nodiscard]] bool is_up(std::size_t endpoint) { return shards_.local().states()[endpoint]; }

 private:
  detail::health_share share_;
  sharded_service<detail::health_shard> shards_;
};

}  // namespace shoal
