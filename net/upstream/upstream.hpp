// SPDX-License-Identifier: Apache-2.0
// upstream: a named group of endpoints, how to choose among them, and how patiently to try. No I/O happens here.
//
// Thread rule: one shard; every shard has its own, so nothing is locked and nothing is shared.
// Invariant: its endpoints stay where they are for its life, and outlive their leases.
//
//   tried_endpoints tried;
//   const pick_request whom{.hash = pick_hash(client.remote()), .now = shard.now()};
//   while (endpoint* e = up.pick(tried, whom)) { // null: nobody left, or connect_attempts used up
//     tried.add(*e);
//     endpoint_lease lease{*e};
//     auto c = co_await dialer.dial(e->where(), options);
//     if (c) ...                                 // keep the lease as long as the connection
//     lease.fail();
//   }
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/net/upstream/balancer.hpp>
#include <shoal/net/upstream/endpoint.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace shoal {

struct upstream_options {
  /// A pick looks at all of them; beyond this many, put a second tier in between.
  static constexpr std::size_t max_endpoints = 4096;
  static constexpr unsigned max_hash_balance_factor = 10'000;

  std::string name;
  std::vector<endpoint_options> endpoints;
  balance_policy balance = balance_policy::random_two;
  /// ring_hash, maglev: an endpoint gets at most so many per cent of its fair share of connections (load_bound.hpp); 0:
  /// no bound. Shares of a ring deviate by some per cent, so 150 leaves keys alone that are spread evenly, and still
  /// keeps one that everybody wants from filling its endpoint; the 125 of the paper moves keys for noise.
  unsigned hash_balance_factor = 150;
  unsigned panic_threshold = 0;            ///< per cent that must be up for health to count; 0: it always does
  duration slow_start = duration::zero();  ///< an endpoint that comes up has its full share after this
  unsigned connect_attempts = 3;           ///< different endpoints tried for one client; 1 to 16
  duration connect_timeout = std::chrono::seconds{5};  ///< over all attempts
  duration idle_timeout = std::chrono::seconds{60};    ///< no byte either way
};

class upstream {
 public:
  /// Throws std::invalid_argument if a limit above is passed. `random` must outlive it. `table`: that of
  /// make_hash_table(options), for all shards the same; null makes one of its own if it needs one.
  upstream(upstream_options options, random_source& random, hash_table_ptr table = nullptr);
  upstream(const upstream&) = delete;
  upstream& operator=(const upstream&) = delete;
  /// No lease may be left.
  ~upstream();

  /// The endpoint for the next attempt, or null: all eligible ones were tried, or connect_attempts is used up.
  [[nodiscard]] endpoint* pick(const tried_endpoints& tried = {}, const pick_request& request = {}) noexcept;
  /// Its endpoint `index` is up or down from now on; one that comes up starts slowly.
  void set_up(std::size_t index, bool up, instant now) noexcept;

  [[nodiscard]] const std::string& name() const noexcept { return options_.name; }
  [[nodiscard]] const upstream_options& options() const noexcept { return options_; }
  [[nodiscard]] std::span<endpoint> endpoints() noexcept { return endpoints_; }
  [[nodiscard]] std::span<const endpoint> endpoints() const noexcept { return endpoints_; }

 private:
  upstream_options options_;
  std::vector<endpoint> endpoints_;
  balancer balancer_;
};

}  // namespace shoal
