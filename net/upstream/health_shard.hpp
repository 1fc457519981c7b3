// SPDX-License-Identifier: Apache-2.0
// health_shard: what one shard knows of an upstream's health, and on the upstream's home also who decides it.
//
//   clients of any shard --report()--> failure_counts --the row is complete--> home: ledger
//   checks (home only) ------------------------------------------------------>  |
//   every shard: adopt() -> its upstreams  <---- all states, one call per shard <-+
//
// Thread rule: each on its shard.
// Invariants:
//  1. Bounded: one call of a shard to home is under way, one round of home to all shards. What changes meanwhile goes
//     with the next one: messages say how things are, not what has changed.
//  2. A shard that missed all rounds but the last knows as much as any other.
#pragma once

#include <shoal/core/scope.hpp>
#include <shoal/core/sharded.hpp>
#include <shoal/core/timer_wheel.hpp>
#include <shoal/net/upstream/failure_counts.hpp>
#include <shoal/net/upstream/health_ledger.hpp>
#include <shoal/net/upstream/health_options.hpp>
#include <shoal/net/upstream/upstream.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <vector>

namespace shoal::detail {

class health_shard;

/// What an endpoint failed at.
enum class service_stage : std::uint8_t { connecting, serving };

/// A row for each stage: connections that are taken do not excuse that each of them is cut off, nor the other way.
struct failure_rows {
  explicit failure_rows(std::size_t endpoints) : connecting(endpoints), serving(endpoints) {}
  [[nodiscard]] failure_counts& at(service_stage stage) noexcept {
    return stage == service_stage::connecting ? connecting : serving;
  }
  failure_counts connecting;
  failure_counts serving;
};

/// What all shards have in common; nothing in it changes while they run, but the counts.
struct health_share {
  std::string name;
  std::vector<endpoint_options> endpoints;
  std::optional<health_check_options> check;
  std::optional<outlier_options> outlier;
  std::optional<failure_rows> counts;  // with `outlier`
  sharded<health_shard>* shards = nullptr;
};

/// Decides, on the shard called home.
class health_home {
 public:
  health_home(health_share& share, health_shard& here);
  health_home(const health_home&) = delete;
  health_home& operator=(const health_home&) = delete;
  ~health_home() = default;

  /// Some shard has counted a whole row of failures.
  void judge(std::size_t endpoint, service_stage stage, std::error_code last);

 private:
  struct release_timer final : timer {
    explicit release_timer(health_home& of) noexcept
        : timer([](timer& t) noexcept { static_cast<release_timer&>(t).owner.release(); }), owner(of) {}
    health_home& owner;
  };

  [[nodiscard]] task<> check_forever(std::size_t endpoint, std::stop_token stop);
  [[nodiscard]] duration jittered(duration interval) const;
  void release() noexcept;
  void announce(const health_change& change);
  [[nodiscard]] task<> tell_everybody();

  health_share& share_;
  health_shard& here_;
  const health_check_options check_;
  const outlier_options outlier_;
  health_ledger ledger_;
  release_timer release_;
  bool has_news_ = false;
  bool telling_ = false;
};

class health_shard {
 public:
  explicit health_shard(health_share* share);
  health_shard(const health_shard&) = delete;
  health_shard& operator=(const health_shard&) = delete;
  ~health_shard();

  void attach(upstream& up);
  void detach(upstream& up) noexcept;
  void report(std::size_t endpoint, service_stage stage, std::error_code outcome);
  [[nodiscard]] const std::vector<bool>& states() const noexcept { return states_; }

  /// Home's news, which stay as they are until all shards have answered.
  void adopt(const std::vector<bool>* states);
  /// At home: another shard's news.
  void judge_at_home(std::size_t endpoint, service_stage stage, std::error_code last);

  /// Ends the checks; completes when nothing of this shard is under way.
  [[nodiscard]] task<> stop();
  void hurry() { work_.request_stop(); }

 private:
  friend class health_home;
  struct failure {
    std::size_t endpoint;
    service_stage stage;
    std::error_code last;
  };

  void apply_to(upstream& up) const;
  [[nodiscard]] task<> tell_home();

  health_share& share_;
  const shard_id home_;
  std::vector<bool> states_;
  std::vector<upstream*> upstreams_;
  std::vector<failure> failures_;  // one for an endpoint and stage at most
  bool telling_ = false;
  scope work_;
  std::unique_ptr<health_home> deciding_;  // at home
};

}  // namespace shoal::detail
