// SPDX-License-Identifier: Apache-2.0
// name_dial: from a name to one connection, by happy eyeballs (RFC 8305).
//
//   ask IPv6 and IPv4 --IPv6 answered, or 50 ms after IPv4--> attempt --250 ms, or its failure--> next attempt ...
//                                                                \--- the first that is connected wins
//
// Addresses are tried in the order of the answers, the families in turn, IPv6 first. One deadline ends it all.
//
// The error, when nothing came of it. Of attempts: what the remote said (refused, reset) tells most, then trouble of
// this machine (no descriptors, a hook that closed it), then "host unreachable", then time running out, and least what
// a machine without IPv6 says of every such address (network unreachable, address not available); of equals the first.
// Without any attempt: that of the name (name_lookup.hpp), errc::resolve_timeout if there was no answer in time.
//
// Thread rule: owner shard only.
// Resume rule: same shard; in "deliver" for what an attempt brought, in "expire timers" or "run tasks" otherwise. One
// waiter. Stop: errc::stopped. It lives in the waiting frame, and what the constructor is given must outlive it.
#pragma once

#include <shoal/core/run_item.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/net/connection_owner.hpp>
#include <shoal/net/dial_attempt.hpp>
#include <shoal/net/dial_options.hpp>
#include <shoal/net/name_lookup.hpp>

#include <coroutine>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

namespace shoal {

/// How long IPv4 waits for an answer about IPv6 (RFC 8305, 8: 50 ms).
inline constexpr duration resolution_delay = std::chrono::milliseconds{50};
/// From one attempt to the next while none has failed (RFC 8305, 8: 250 ms).
inline constexpr duration attempt_delay = std::chrono::milliseconds{250};

class [[nodiscard]] name_dial final : public resume_item, private name_lookup {
 public:
  name_dial(shard& here, const profile_ptr& profile, connection_observer* observer, resolver& names,
            std::string_view host, std::uint16_t port, const dial_options& options);
  ~name_dial();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  [[nodiscard]] result<connection_owner> await_resume();

  /// Ends it with this error. Harmless when it is over.
  void end(std::error_code why) noexcept;

 private:
  class attempt;
  struct next_timer final : timer {
    explicit next_timer(name_dial& by) noexcept;
    name_dial& owner;
  };

  void on_answer() noexcept override;
  void advance();
  void take_answers();
  [[nodiscard]] bool may_start() const noexcept;
  [[nodiscard]] bool start_next();
  void note_failure(const address& where, std::error_code error);
  void attempt_finished(attempt& which, std::error_code outcome);
  void conclude_in_vain(bool in_time);
  void close_all() noexcept;
  void arm();
  [[nodiscard]] bool has_candidates() const noexcept { return !ipv6_.empty() || !ipv4_.empty(); }

  shard& here_;
  const profile_ptr& profile_;
  connection_observer* observer_;
  resolver& names_;
  std::uint16_t port_;
  const dial_options& options_;

  instant deadline_ = never;
  instant may_start_at_ = never;  // the next attempt, unless the last one fails before
  bool taken_ipv6_ = false;       // the answers
  bool taken_ipv4_ = false;
  bool ipv6_is_next_ = true;
  bool attempted_ = false;
  bool over_ = false;
  bool starting_ = false;
  std::error_code ended_early_;  // while it was starting an attempt
  std::deque<address> ipv6_;     // not tried yet
  std::deque<address> ipv4_;
  std::vector<std::unique_ptr<attempt>> attempts_;  // in progress
  std::error_code most_telling_;                    // of the attempts so far
  result<connection_owner> outcome_ = fail(errc::cancelled);
  next_timer timer_{*this};
};

}  // namespace shoal
