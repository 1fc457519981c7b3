// SPDX-License-Identifier: Apache-2.0
// endpoint: one address behind an upstream, as one shard sees it.
//
// Thread rule: one shard. Every shard has endpoints of its own and counts only its own connections.
#pragma once

#include <shoal/buffers/check.hpp>
#include <shoal/core/instant.hpp>
#include <shoal/net/address.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace shoal {

/// What the configuration says about an endpoint.
struct endpoint_options {
  /// Keeps all sums and products of the balancer far inside 64 bits.
  static constexpr unsigned max_weight = 65535;

  address where;
  unsigned weight = 1;  ///< share of new connections; 0 = none (drained)
  std::string name;     ///< for logs and metrics; empty = the address
};

class endpoint {
 public:
  /// A weight of 1, where shares are compared.
  static constexpr std::uint64_t full_share = 256;
  /// What a slow start begins with, in per cent of the weight: enough to be seen to work, or to fail.
  static constexpr unsigned slow_start_percent = 10;

  explicit endpoint(endpoint_options options) : options_(std::move(options)) {
    if (options_.name.empty()) options_.name = to_string(options_.where);
  }

  [[nodiscard]] const address& where() const noexcept { return options_.where; }
  [[nodiscard]] const std::string& name() const noexcept { return options_.name; }
  [[nodiscard]] unsigned weight() const noexcept { return options_.weight; }

  /// Whether it may be picked; health checks and ejection switch it.
  [[nodiscard]] bool is_up() const noexcept { return up_; }
  void set_up(bool up) noexcept { up_ = up; }
  /// Up from now on, and with its full share after `slow_start`: until then it grows from slow_start_percent.
  void come_up(instant now, duration slow_start) noexcept {
    up_ = true;
    ramp_ = slow_start;
    ramp_end_ = slow_start > duration::zero() && slow_start < never - now ? now + slow_start : instant::min();
  }

  /// Weight times full_share; less during a slow start, though never nothing.
  [[nodiscard]] std::uint64_t share_at(instant now) const noexcept {
    const std::uint64_t full = options_.weight * full_share;
    if (now >= ramp_end_) [[likely]]
      return full;
    const auto left = static_cast<__uint128_t>((ramp_end_ - now).count());
    const auto missing = full * left * (100 - slow_start_percent) / (100 * static_cast<__uint128_t>(ramp_.count()));
    return full - static_cast<std::uint64_t>(missing);
  }

  /// Connections of this shard that are open or being opened.
  [[nodiscard]] std::uint32_t active() const noexcept { return active_; }
  /// Attempts to connect so far, and those of them that failed.
  [[nodiscard]] std::uint64_t attempts() const noexcept { return attempts_; }
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }

 private:
  friend class endpoint_lease;

  endpoint_options options_;
  bool up_ = true;
  std::uint32_t active_ = 0;
  duration ramp_{0};
  instant ramp_end_ = instant::min();  // of the slow start
  std::uint64_t attempts_ = 0;
  std::uint64_t failures_ = 0;
};

/// One connection to an endpoint, from the attempt to the close; keeps the endpoint's counters. The endpoint must
/// outlive it.
class endpoint_lease {
 public:
  endpoint_lease() = default;
  explicit endpoint_lease(endpoint& of) noexcept : of_(&of) {
    ++of.active_;
    ++of.attempts_;
  }
  /// Of a connection that came from another shard: its attempt was counted there.
  [[nodiscard]] static endpoint_lease taken_over(endpoint& of) noexcept {
    endpoint_lease made{of};
    --of.attempts_;
    return made;
  }
  endpoint_lease(endpoint_lease&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  endpoint_lease& operator=(endpoint_lease&& other) noexcept {
    if (this != &other) {
      release();
      of_ = std::exchange(other.of_, nullptr);
    }
    return *this;
  }
  ~endpoint_lease() { release(); }

  /// Null when it was released.
  [[nodiscard]] endpoint* get() const noexcept { return of_; }

  /// The attempt failed; counts that and releases.
  void fail() noexcept {
    SHOAL_ASSERT(of_ != nullptr);
    if (of_ != nullptr) ++of_->failures_;
    release();
  }
  void release() noexcept {
    if (of_ == nullptr) return;
    SHOAL_ASSERT(of_->active_ > 0);
    --of_->active_;
    of_ = nullptr;
  }

 private:
  endpoint* of_ = nullptr;
};

/// The endpoints that one client's connection attempts have used up.
class tried_endpoints {
 public:
  /// Most attempts for one client; the configuration's limit of `connect_attempts`.
  static constexpr std::size_t capacity = 16;

  void add(const endpoint& e) noexcept {
    SHOAL_CHECK(size_ < capacity, "connect_attempts is limited to the capacity");
    tried_[size_++] = &e;
  }
  [[nodiscard]] bool contains(const endpoint& e) const noexcept {
    const auto used = std::span{tried_}.first(size_);
    return std::ranges::find(used, &e) != used.end();
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::array<const endpoint*, capacity> tried_{};
  std::size_t size_ = 0;
};

}  // namespace shoal
