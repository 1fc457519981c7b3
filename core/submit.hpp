// SPDX-License-Identifier: Apache-2.0
// submit_to: run a function on another shard and wait for what it returns.
//
//   auto total = co_await submit_to(3, &count, key);      // a captureless function and its arguments (D13)
//
// The function may return a value, void or a task; an exception it throws is thrown here. The call lives in the waiting
// frame: no allocation, on either side, but for the frame of a task it returns.
//
// Resume rule: same shard, in "drain mail" (inside the call when `to` is this shard). Waiters: one. A full lane
//   suspends the caller, first come first served, and is counted.
// Stop: a call in flight always completes, since a shard leaves its loop only when every shard has nothing in flight. A
//   std::stop_token among the arguments (one at most) travels: the function gets a token of its own, good on that
//   shard, and a message asks it when the caller's is asked. The caller still waits until the function has ended and
//   gets what it returns; so with_timeout works across shards, and cuts nothing off that does not look at its token. It
//   costs the state of one std::stop_source, from the heap, and only when there is something that could stop.
// Lifetime: arguments are moved into the frame and live until the return.
#pragma once

#include <shoal/core/mailbox.hpp>
#include <shoal/core/message.hpp>
#include <shoal/core/stop_relay.hpp>
#include <shoal/core/task.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>

namespace shoal {

namespace detail {

template <class R>
struct unwrap_task {
  using type = R;
  static constexpr bool is_task = false;
};
template <class R>
struct unwrap_task<task<R>> {
  using type = R;
  static constexpr bool is_task = true;
};

/// The result of a call that may throw, for void as well.
template <class R>
struct call_outcome {
  std::optional<R> value;
  std::exception_ptr error;
  R take() {
    if (error) std::rethrow_exception(error);
    SHOAL_ASSERT(value.has_value());
    return std::move(*value);
  }
};
template <>
struct call_outcome<void> {
  std::exception_ptr error;
  void take() const {
    if (error) std::rethrow_exception(error);
  }
};

/// Waits until a lane has room.
class room_awaiter : public resume_item {
 public:
  explicit room_awaiter(shard_id to) noexcept : to_(to) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    waiting = handle;
    shard::current().mail().wait_for_room(to_, *this);
  }
  void await_resume() const noexcept {}

 private:
  shard_id to_;
};

template <class Function, class... Args>
class remote_call final : public message {
 public:
  using returned = std::invoke_result_t<Function, Args...>;
  using value = typename unwrap_task<returned>::type;

  using relay = stop_relay_for<Args...>;

  remote_call(shard_id to, Function what, Args&... args)
      : message(&execute_here, &complete_here), function_(what), relay_(to, args...), args_(relay_.there(args)...) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) noexcept {
    caller_ = caller;
    relay_.follow(caller);
  }
  [[nodiscard]] value await_resume() { return outcome_.take(); }

 private:
  // On the receiving shard: when its task has finished.
  struct finish_item : run_item {
    explicit finish_item(remote_call& owner)
        : run_item([](run_item& item) { static_cast<finish_item&>(item).call.finish(); }), call(owner) {}
    remote_call& call;
  };

  static void execute_here(message& m) {
    auto& self = static_cast<remote_call&>(m);
    try {
      if constexpr (unwrap_task<returned>::is_task) {
        self.running_ = std::apply(self.function_, std::move(self.args_));
        if (!self.running_.start(self.finish_)) return;
        self.finish();
        return;
      } else if constexpr (std::is_void_v<value>) {
        std::apply(self.function_, std::move(self.args_));
      } else {
        self.outcome_.value.emplace(std::apply(self.function_, std::move(self.args_)));
      }
    } catch (...) {
      self.outcome_.error = std::current_exception();
    }
    shard::current().mail().reply(self);
  }

  void finish() {
    if constexpr (unwrap_task<returned>::is_task) {
      try {
        if constexpr (std::is_void_v<value>) {
          running_.take();
        } else {
          outcome_.value.emplace(running_.take());
        }
      } catch (...) {
        outcome_.error = std::current_exception();
      }
      running_ = {};  // its frame belongs to this shard
    }
    shard::current().mail().reply(*this);
  }

  static void complete_here(message& m) {
    auto& self = static_cast<remote_call&>(m);
    if (self.relay_.may_resume()) self.caller_.resume();
  }

  Function function_;
  [[no_unique_address]] relay relay_;
  std::tuple<Args...> args_;
  call_outcome<value> outcome_;
  std::coroutine_handle<> caller_;
  finish_item finish_{*this};
  std::conditional_t<unwrap_task<returned>::is_task, returned, std::tuple<>> running_;
};

}  // namespace detail

/// Functions that can be sent to another shard: pointers to functions and members, and captureless function objects.
template <class F>
concept sendable_function = std::is_empty_v<F> || std::is_pointer_v<F> || std::is_member_pointer_v<F>;

template <sendable_function Function, class... Args>
  requires std::invocable<Function, Args...>
auto submit_to(shard_id to, Function function, Args... args)
    -> task<typename detail::unwrap_task<std::invoke_result_t<Function, Args...>>::type> {
  static_assert(detail::stop_tokens_among<Args...> <= 1, "one std::stop_token at most");
  using returned = std::invoke_result_t<Function, Args...>;
  if (to == shard::current().id()) {
    if constexpr (detail::unwrap_task<returned>::is_task) {
      auto local = std::invoke(function, std::move(args)...);
      co_return co_await local;
    } else {
      co_return std::invoke(function, std::move(args)...);
    }
  }
  detail::remote_call<Function, Args...> call{to, function, args...};
  while (!shard::current().mail().try_send(to, call)) {
    detail::room_awaiter room{to};
    co_await room;
  }
  co_return co_await call;
}

}  // namespace shoal
