// SPDX-License-Identifier: Apache-2.0
// lease: one shard's share of a process-wide number of tokens; it gets them from the lease_pool on the shard called
// home. Together they are what leased_limit.hpp is made of.
//
//            up: tokens returned or used, how many more are wanted
//   lease  ---------------------------------------------------------->  lease_pool
//          <----------------------------------------------------------
//            down: tokens granted; "others want some": send back what is free
//
// Thread rule: a lease belongs to its shard, the pool to home; they meet in messages only. At home itself the same
//   steps are plain calls.
// Invariants:
//  1. Every token is in exactly one place: in the pool, in a lease (free there, in use, or about to return), or in a
//     message. `held` counts what is not in the pool, on both sides, so the sum never changes.
//  2. One message of each kind per shard is under way at most; what comes up meanwhile goes with the next. Whoever
//     receives one answers at once: "drain mail" never waits, and nothing grows.
//  3. While somebody waits in a lease, it has no free token.
//  4. What home says is dated by an epoch, since an answer may overtake a message.
#pragma once

#include <shoal/core/gate.hpp>
#include <shoal/core/lease_message.hpp>
#include <shoal/core/sharded.hpp>
#include <shoal/core/timer_wheel.hpp>
#include <shoal/core/wait_list.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <stop_token>

namespace shoal::detail {

class lease;
class lease_pool;

/// Tokens that nobody has used for this long on a shard go home when others want them. Longer than a round trip and the
/// gap between two requests of a busy shard, and short for those who wait.
inline constexpr duration lease_patience = std::chrono::milliseconds{10};

/// What all leases of one limit have in common. Written before they start; the pool is home's.
struct lease_share {
  sharded<lease>* leases = nullptr;
  shard_id home = 0;
  std::int64_t limit = 0;       ///< tokens in all, or tokens a second
  std::int64_t burst = 0;       ///< of a rate; 0: tokens are given back, they are no rate
  std::size_t max_waiting = 0;  ///< per shard
  std::unique_ptr<lease_pool> pool;

  lease_share() noexcept;
  lease_share(const lease_share&) = delete;
  lease_share& operator=(const lease_share&) = delete;
  ~lease_share();
  [[nodiscard]] bool is_rate() const noexcept { return burst != 0; }
};

class lease {
 public:
  explicit lease(lease_share* share);
  lease(const lease&) = delete;
  lease& operator=(const lease&) = delete;
  ~lease();

  [[nodiscard]] bool try_take() noexcept {
    if (free_ > 1) [[likely]] {
      --free_;
      return true;
    }
    return try_take_last();
  }
  void give_back() noexcept {
    if (free_ < room_) [[likely]] {
      ++free_;
      return;
    }
    give_back_to_others();
  }

  /// From here on no free token stays until home says otherwise.
  void surrender(std::uint32_t epoch) noexcept;
  /// Ends the waits with errc::stopped, then waits until nothing of this shard is under way. At home: the pool as well.
  [[nodiscard]] task<> stop();

  /// Home's message has come.
  void receive(lease_message& down) noexcept;
  /// Tells home what it does not know yet.
  void report() noexcept;

  [[nodiscard]] std::int64_t in_use() const noexcept { return held_ - free_ - returning_; }
  [[nodiscard]] std::int64_t unused() const noexcept { return free_; }
  [[nodiscard]] std::int64_t waiting() const noexcept { return waiting_; }

 private:
  friend class lease_waiter;
  struct up_message final : lease_message {
    explicit up_message(lease& from) noexcept;
    lease& owner;
    lease_share& share;
  };
  struct patience_timer final : timer {
    explicit patience_timer(lease& of) noexcept
        : timer([](timer& t) noexcept { static_cast<patience_timer&>(t).owner.lose_patience(); }), owner(of) {}
    lease& owner;
  };

  [[nodiscard]] bool try_take_last() noexcept;
  void give_back_to_others() noexcept;
  void grant_first() noexcept;
  void left_line() noexcept;
  void lose_patience() noexcept;
  void learn(const lease_news& news) noexcept;
  void look_around() noexcept;
  [[nodiscard]] std::int64_t more_wanted() const noexcept;
  [[nodiscard]] bool has_to_report() const noexcept;
  void came_back() noexcept;

  lease_share& share_;
  std::int64_t free_ = 0;
  std::int64_t room_ = 0;       // free tokens that may stay without further thought
  std::int64_t held_ = 0;       // free, in use, about to return; of a rate: also used and not reported
  std::int64_t returning_ = 0;  // with the next message
  std::int64_t asked_ = 0;      // wanted, as far as home knows, and not granted yet
  std::int64_t waiting_ = 0;
  std::int64_t resuming_ = 0;  // were granted a token, and have not gone on yet
  bool tried_ = false;         // try_take() failed: a token would be welcome
  bool closed_ = false;
  lease_news news_;
  gate under_way_;
  up_message up_;
  patience_timer patience_;
  wait_list line_;
};

/// Who waits in a lease's line for one token.
class lease_waiter : public waiter {
 public:
  lease_waiter(lease& from, std::stop_token stop) noexcept
      : waiter(from.line_, std::move(stop),
               [](waiter& self) noexcept { static_cast<lease_waiter&>(self).from_.left_line(); }),
        from_(from) {}
  ~lease_waiter();
  [[nodiscard]] bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> handle) noexcept;

 protected:
  /// errc::cancelled, errc::stopped, or errc::would_block: too many wait already.
  [[nodiscard]] result<void> end() noexcept;

 private:
  lease& from_;
  bool refused_ = false;
};

}  // namespace shoal::detail
