// SPDX-License-Identifier: Apache-2.0
// stop_relay: takes a stop to the shard where a call runs. A std::stop_token belongs to one shard (stop_link.hpp), so a
// call gets a token of its own there, and a message asks it when the caller's token is asked.
//
//   caller's token --request_stop()--> stop message --lane--> token of the call, on its shard
//
// Thread rule: the caller's shard; the message is handled on the other.
// Invariants: it lives in the caller's frame, which goes on only when both the call and the stop message are back. The
//   message travels on the same lane behind the call, so the call has begun when it arrives. It is an urgent one: calls
//   that fill the lane must be told to end, too.
#pragma once

#include <shoal/core/mailbox.hpp>
#include <shoal/core/message.hpp>
#include <shoal/core/run_item.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/core/stop_link.hpp>

#include <concepts>
#include <coroutine>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace shoal::detail {

class stop_relay final : public message, public run_item {
 public:
  template <class... Args>
  explicit stop_relay(shard_id to, const Args&... args) noexcept
      : message(&stop_there, [](message& m) { static_cast<stop_relay&>(m).ended(); }),
        run_item([](run_item& item) { static_cast<stop_relay&>(item).send(); }),
        to_(to),
        link_(*this, token_among(args...)) {
    if (token_among(args...).stop_possible()) there_ = std::stop_source{};
  }

  /// What the call gets for an argument of the caller's.
  template <class T>
  [[nodiscard]] decltype(auto) there(T& argument) {
    if constexpr (std::same_as<T, std::stop_token>) {
      return own_token();
    } else {
      return std::move(argument);
    }
  }
  /// The call is on its way; `caller` waits for it.
  void follow(std::coroutine_handle<> caller) noexcept {
    caller_ = caller;
    link_.arm();
  }
  /// The call is back. False when the caller must wait for the stop message, which then resumes it.
  [[nodiscard]] bool may_resume() noexcept {
    link_.disarm();
    call_is_back_ = true;
    return !under_way_;
  }

 private:
  friend class stop_link<stop_relay>;

  template <class First, class... Rest>
  static const std::stop_token& token_among(const First& first, const Rest&... rest) noexcept {
    if constexpr (std::same_as<First, std::stop_token>) {
      return first;
    } else {
      return token_among(rest...);
    }
  }
  [[nodiscard]] std::stop_token own_token() noexcept {
    if (link_.requested()) there_.request_stop();  // nobody listens yet
    return there_.get_token();
  }

  static void stop_there(message& m) {
    static_cast<stop_relay&>(m).there_.request_stop();
    shard::current().mail().reply(m);
  }
  void on_stop() noexcept {
    under_way_ = true;
    send();
  }
  void send() noexcept {
    if (call_is_back_) return ended();  // while this waited for room
    mailbox& mail = shard::current().mail();
    if (!mail.try_send_urgent(to_, *this)) mail.wait_for_urgent_room(to_, *this);
  }
  void ended() noexcept {
    under_way_ = false;
    if (call_is_back_) caller_.resume();
  }

  const shard_id to_;
  stop_link<stop_relay> link_;
  std::stop_source there_{std::nostopstate};
  std::coroutine_handle<> caller_;
  bool under_way_ = false;
  bool call_is_back_ = false;
};

/// In the place of a stop_relay when no argument is a token.
struct no_stop_relay {
  template <class... Args>
  explicit no_stop_relay(shard_id, const Args&...) noexcept {}
  template <class T>
  [[nodiscard]] static T&& there(T& argument) noexcept {
    return std::move(argument);
  }
  static void follow(std::coroutine_handle<>) noexcept {}
  [[nodiscard]] static bool may_resume() noexcept { return true; }
};

template <class... Args>
inline constexpr int stop_tokens_among = (0 + ... + int{std::same_as<Args, std::stop_token>});

template <class... Args>
using stop_relay_for = std::conditional_t<stop_tokens_among<Args...> != 0, stop_relay, no_stop_relay>;

}  // namespace shoal::detail
