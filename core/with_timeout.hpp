// SPDX-License-Identifier: Apache-2.0
// with_timeout: a time limit on anything that can be awaited and reacts to a std::stop_token.
//
//   // task<result<job>> next_job(queue* from, std::stop_token stop);
//   auto job = co_await with_timeout(100ms, &next_job, &jobs);
//   if (!job && job.error() == errc::timed_out) ...
//
// The function (captureless, D13) is called with the arguments and, last, a token; what it returns, a task or any other
// awaitable, is awaited. When time is up it is asked to stop, and awaited still: nothing of it is left when
// with_timeout returns. So one that does not react to its token is not cut off.
//
// Gives result<T>; result<U> when the function itself gives result<U>. Who wins when time runs out and the work ends in
// the same turn:
//  1. work that ended before the "expire timers" step has won, whatever the clock says;
//  2. a result<U> with a value is passed on even if time was up: what was popped or locked is not lost. Its
//     errc::cancelled becomes errc::timed_out; other errors stay;
//  3. a plain T (or void) that ends after time was up is dropped: errc::timed_out;
//  4. an exception is always passed on.
// With a token of the caller, its stop asks the child too; if it came first, the error is errc::cancelled.
//
// Resume rule: same shard, where the child would resume who awaits it. Waiters: one. Stop: see above. Lifetime:
//   arguments are moved into the frame; pointers and std::ref among them must outlive the return.
// Allocates: its frame from the slab and the state of one std::stop_source from the heap.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/linked_stop.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <shoal/core/task.hpp>

#include <functional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace shoal {

namespace detail {

/// Asks its token's holders to stop when time is up, or when the parent is asked.
class time_limit {
 public:
  time_limit(duration limit, const std::stop_token& parent) : stop_(parent), timer_(*this) {
    shard::current().timers().arm(timer_, deadline_in(limit));
  }
  [[nodiscard]] std::stop_token token() const noexcept { return stop_.token(); }
  [[nodiscard]] bool has_stopped() const noexcept { return stop_.token().stop_requested(); }
  /// Time was up before anything else asked.
  [[nodiscard]] bool has_passed() const noexcept { return passed_; }
  [[nodiscard]] errc reason() const noexcept { return passed_ ? errc::timed_out : errc::cancelled; }

 private:
  struct end_timer : timer {
    explicit end_timer(time_limit& limit) noexcept
        : timer([](timer& t) noexcept { static_cast<end_timer&>(t).owner.pass(); }), owner(limit) {}
    time_limit& owner;
  };
  void pass() noexcept {
    if (has_stopped()) return;
    passed_ = true;
    stop_.request_stop();
  }

  linked_stop stop_;
  end_timer timer_;
  bool passed_ = false;
};

template <class Awaitable>
decltype(auto) value_of_await(Awaitable& awaitable) {
  if constexpr (requires { awaitable.operator co_await(); }) {
    return awaitable.operator co_await().await_resume();
  } else {
    return awaitable.await_resume();
  }
}

template <class T>
struct limited_value {
  using type = result<T>;
};
template <class T>
struct limited_value<result<T>> {
  using type = result<T>;
};

template <class Function, class... Args>
struct limited_call {
  using awaitable = std::invoke_result_t<Function, Args..., std::stop_token>;
  using value = decltype(value_of_await(std::declval<awaitable&>()));
  using returned = typename limited_value<value>::type;
};

template <class Function, class... Args>
auto await_within(duration limit, std::stop_token parent, Function function, Args... args)
    -> task<typename limited_call<Function, Args...>::returned> {
  using call = limited_call<Function, Args...>;
  time_limit clock{limit, parent};
  auto child = std::invoke(function, std::move(args)..., clock.token());
  if constexpr (std::is_void_v<typename call::value>) {
    co_await child;
    if (clock.has_stopped()) co_return fail(clock.reason());
    co_return typename call::returned{};
  } else if constexpr (std::is_same_v<typename call::value, typename call::returned>) {
    auto ended = co_await child;
    if (!ended && clock.has_passed() && ended.error() == errc::cancelled) co_return fail(errc::timed_out);
    co_return ended;
  } else {
    auto value = co_await child;
    if (clock.has_stopped()) co_return fail(clock.reason());
    co_return value;
  }
}

}  // namespace detail

template <sendable_function Function, class... Args>
  requires std::invocable<Function, Args..., std::stop_token>
[[nodiscard]] auto with_timeout(duration limit, Function function, Args... args) {
  return detail::await_within<Function, Args...>(limit, std::stop_token{}, function, std::move(args)...);
}
/// The same for who may be stopped himself.
template <sendable_function Function, class... Args>
  requires std::invocable<Function, Args..., std::stop_token>
[[nodiscard]] auto with_timeout(duration limit, std::stop_token stop, Function function, Args... args) {
  return detail::await_within<Function, Args...>(limit, std::move(stop), function, std::move(args)...);
}

}  // namespace shoal
