// SPDX-License-Identifier: Apache-2.0
// upstream_limit: how many connections all shards together may have to an upstream, and who waits for one.
//
//   upstream_limit limit{runtime, {.max_connections = 100, .max_pending = 1'024, .queue_timeout = 5s}};
//
//   auto place = limit.try_take();                      // nothing: it is full, or others wait
//   if (!place) {
//     auto queue = limit.wait(client.stop_token());
//     auto came = co_await queue;                       // result<upstream_limit::place>
//     ...
//   }
//   // keep the place as long as the connection
//
// Thread rule: made and destroyed like a server, before the start or late (core/shared_service.hpp); the rest on
//   every shard, from the start of the services that were added after it to their stop. A place is given back on
//   the shard that drops it.
// Promises:
//  1. Never more than `max_connections` places are out, never more than `max_pending` clients wait, whatever the shards
//     do (leased_limit.hpp).
//  2. On a shard, first come first served; shards take turns. Nobody is refused while a place is free anywhere.
//  3. Who goes away (the token) or has waited `queue_timeout` leaves the line at once.
#pragma once

#include <shoal/core/leased_limit.hpp>
#include <shoal/core/task.hpp>

#include <cstddef>
#include <optional>
#include <stop_token>

namespace shoal {

struct upstream_limit_options {
  std::size_t max_connections = 1;  ///< at least 1
  std::size_t max_pending = 1024;   ///< 0: nobody waits
  duration queue_timeout = std::chrono::seconds{5};
};

class upstream_limit {
 public:
  using place = leased_limit::token;

  /// Throws std::invalid_argument for no connection at all.
  upstream_limit(runtime& owner, const upstream_limit_options& options);
  upstream_limit(const upstream_limit&) = delete;
  upstream_limit& operator=(const upstream_limit&) = delete;
  ~upstream_limit() = default;

  /// One that is on this shard already; nothing while others wait here.
  [[nodiscard]] std::optional<place> try_take() noexcept { return connections_.try_take(); }
  /// Errors: errc::would_block, max_pending wait already (known within `settling_time`); errc::timed_out, it waited
  /// queue_timeout; errc::cancelled, `stop` was asked; errc::stopped. Resumes on this shard.
  [[nodiscard]] task<result<place>> wait(std::stop_token stop);

  /// What the process lets on: for metrics.
  [[nodiscard]] task<limit_usage> usage() { return connections_.usage(); }

  /// In this time what other shards have and do not use arrives; what did not come by then is not there.
  static constexpr duration settling_time = 5 * detail::lease_patience;

 private:
  upstream_limit_options options_;
  leased_limit connections_;
  std::optional<leased_limit> pending_;  // none: nobody may wait
};

}  // namespace shoal
