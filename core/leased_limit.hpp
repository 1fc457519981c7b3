// SPDX-License-Identifier: Apache-2.0
// leased_limit and leased_rate: limits of the whole process, kept by all shards together without a lock: how many of
// something at once, and how many of it a second.
//
//   leased_limit clients{runtime, 10'000};              // from the start of the runtime to its end
//   auto mine = co_await clients.take(stop);            // result<leased_limit::token>; given back when `mine` goes
//   auto now = clients.try_take();                      // std::optional: nothing means that none is here now
//
//   leased_rate logins{runtime, 1'000, 50};             // 1,000 a second, 50 at once
//   if (!logins.try_take()) co_return too_many();
//   auto turn = co_await logins.take(stop);             // result<void>: waits for its turn
//
// Each shard has some tokens on lease, so that taking one is a branch and a decrement. Who finds none asks the pool on
// the shard called home, which has what nobody has on lease, and calls in what others have and do not use. So the
// limit is never exceeded, whatever the shards do, and may be used to the last token from a single one: take() waits
// while a token comes from there. try_take() does not: it answers for this shard and this moment, and when it has
// nothing it asks for the next time.
//
// Promises:
//  1. Never more tokens are out than the limit; never more are used in any time than rate * time + burst.
//  2. On a shard, first come first served. Between shards, those that wait get tokens in turns; while there are too few
//     for all, each may go on using its part (limit / shards that use it) without a message per token.
//  3. Leases do not end by time: an unused token comes back as soon as another shard is in need, at the latest 10 ms
//     (lease_patience) after it was asked for in vain. Of a rate, what is on lease counts as part of the burst, so
//     nothing is gained by leaving tokens unused.
//  4. Works with fewer tokens than shards.
//
// Thread rule: take() and try_take() on every shard, and what they gave is given back on any, also on another: which
//   costs a message. Made and destroyed where no shard of the runtime runs, or (without a runtime) anywhere.
// Resume rule: same shard, at once when a token is here and nobody waits, else from the run queue. Waiters:
//   `max_waiting` per shard, who comes then has errc::would_block. Stop: errc::cancelled, or a token if that was
//   earlier; once the limit itself stops, errc::stopped.
// Lifetime: longer than its tokens and waiters. One without a runtime is started and stopped by message as sharded<T>
//   is, and must have been stopped before the runtime ends. Tokens may outlive the stop.
// Allocates: at the start; per token nothing, and nothing per wait.
#pragma once

#include <shoal/core/lease.hpp>
#include <shoal/core/sharded.hpp>
#include <shoal/core/sharded_service.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <utility>

namespace shoal {

/// Waiters per shard for the tokens of one limit. More would time out before their turn; 1,024 frames are about 0.5 MB.
inline constexpr std::size_t default_max_waiting = 1024;

namespace detail {

/// What both have in common: a lease on each shard, started with the runtime or by message.
class leased {
 public:
  leased(const leased&) = delete;
  leased& operator=(const leased&) = delete;

  /// On every shard, by message. All leases go when it stops, and all waits end with errc::stopped.
  [[nodiscard]] task<> stop() { return by_message_.stop(); }

 protected:
  leased() { share_.leases = &by_message_; }
  leased(runtime& owner, std::int64_t limit, std::int64_t burst, std::size_t max_waiting) {
    set(limit, burst, max_waiting);
    share_.leases = &with_runtime_.emplace(owner, &share_);
  }
  ~leased() = default;

  task<> start(std::int64_t limit, std::int64_t burst, std::size_t max_waiting) {
    set(limit, burst, max_waiting);
    share_.home = shard::current().id();
    return by_message_.start(&share_);
  }
  [[nodiscard]] lease& here() noexcept { return share_.leases->local(); }
  [[nodiscard]] lease* here_or_null() noexcept { return share_.leases->local_or_null(); }

  lease_share share_;

 private:
  void set(std::int64_t limit, std::int64_t burst, std::size_t max_waiting) noexcept;

  std::optional<sharded_service<lease>> with_runtime_;
  sharded<lease> by_message_;
};

}  // namespace detail

/// All shards together; each shard says what it has when it is asked, so the sum is exact only while nothing moves.
struct limit_usage {
  std::int64_t in_use = 0;
  std::int64_t on_lease = 0;  ///< on some shard, and not in use
  std::int64_t waiting = 0;
  friend limit_usage operator+(const limit_usage& a, const limit_usage& b) noexcept {
    return {a.in_use + b.in_use, a.on_lease + b.on_lease, a.waiting + b.waiting};
  }
};

class leased_limit : public detail::leased {
 public:
  /// One of the limit; given back at the end of its life, on the shard that runs then.
  class [[nodiscard]] token {
   public:
    token() noexcept = default;
    token(token&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    token& operator=(token&& other) noexcept {
      if (this != &other) {
        release();
        of_ = std::exchange(other.of_, nullptr);
      }
      return *this;
    }
    ~token() { release(); }
    [[nodiscard]] explicit operator bool() const noexcept { return of_ != nullptr; }
    /// Gives it back now.
    void release() noexcept {
      if (of_ == nullptr) return;
      detail::lease* here = std::exchange(of_, nullptr)->here_or_null();
      if (here != nullptr) here->give_back();
    }

   private:
    friend class leased_limit;
    explicit token(leased_limit& of) noexcept : of_(&of) {}
    leased_limit* of_ = nullptr;
  };
  class take_awaiter;

  /// Started and stopped with the runtime: declare it before the servers that use it. Its home is shard 0.
  leased_limit(runtime& owner, std::size_t limit, std::size_t max_waiting = default_max_waiting)
      : leased(owner, static_cast<std::int64_t>(limit), 0, max_waiting) {}
  leased_limit() = default;
  /// By message, on every shard; its home is the shard that calls.
  [[nodiscard]] task<> start(std::size_t limit, std::size_t max_waiting = default_max_waiting) {
    return leased::start(static_cast<std::int64_t>(limit), 0, max_waiting);
  }

  [[nodiscard]] std::optional<token> try_take() noexcept {
    if (!here().try_take()) return std::nullopt;
    return token{*this};
  }
  [[nodiscard]] take_awaiter take() noexcept;
  [[nodiscard]] take_awaiter take(std::stop_token stop) noexcept;

  /// While it runs. Once this has returned, and until fewer than the new limit are out, nobody gets one.
  [[nodiscard]] task<> set_limit(std::size_t limit);
  [[nodiscard]] task<limit_usage> usage();
};

class [[nodiscard]] leased_limit::take_awaiter final : public detail::lease_waiter {
 public:
  take_awaiter(leased_limit& of, std::stop_token stop) noexcept : lease_waiter(of.here(), std::move(stop)), of_(of) {}
  [[nodiscard]] result<token> await_resume() noexcept {
    if (const auto ended = end(); !ended) return fail(ended.error());
    return token{of_};
  }

 private:
  leased_limit& of_;
};

inline leased_limit::take_awaiter leased_limit::take() noexcept { return take_awaiter{*this, {}}; }
inline leased_limit::take_awaiter leased_limit::take(std::stop_token stop) noexcept {
  return take_awaiter{*this, std::move(stop)};
}

/// A token bucket: it begins full, and time fills it (that of the shard called home). Rates are 1 to 10^9 a second.
/// Tokens come over lanes, some 10 us away: a burst of less than the rate gives in a millisecond may cost throughput.
class leased_rate : public detail::leased {
 public:
  class take_awaiter;

  leased_rate(runtime& owner, std::size_t per_second, std::size_t burst, std::size_t max_waiting = default_max_waiting)
      : leased(owner, static_cast<std::int64_t>(per_second), static_cast<std::int64_t>(burst), max_waiting) {}
  leased_rate() = default;
  [[nodiscard]] task<> start(std::size_t per_second, std::size_t burst, std::size_t max_waiting = default_max_waiting) {
    return leased::start(static_cast<std::int64_t>(per_second), static_cast<std::int64_t>(burst), max_waiting);
  }

  /// Uses one up.
  [[nodiscard]] bool try_take() noexcept { return here().try_take(); }
  [[nodiscard]] take_awaiter take() noexcept;
  [[nodiscard]] take_awaiter take(std::stop_token stop) noexcept;

  /// While it runs.
  [[nodiscard]] task<> set_rate(std::size_t per_second, std::size_t burst);
};

class [[nodiscard]] leased_rate::take_awaiter final : public detail::lease_waiter {
 public:
  take_awaiter(leased_rate& of, std::stop_token stop) noexcept : lease_waiter(of.here(), std::move(stop)) {}
  [[nodiscard]] result<void> await_resume() noexcept { return end(); }
};

inline leased_rate::take_awaiter leased_rate::take() noexcept { return take_awaiter{*this, {}}; }
inline leased_rate::take_awaiter leased_rate::take(std::stop_token stop) noexcept {
  return take_awaiter{*this, std::move(stop)};
}

}  // namespace shoal
