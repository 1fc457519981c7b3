// SPDX-License-Identifier: Apache-2.0
// sharded<T>: one T on each shard of a runtime, used by its own shard directly and by others through messages.
//
//   sharded<counter> counters;                                      // outside, or in a service
//   co_await counters.start(args...);                               // T(args...) on every shard
//   counters.local().add(1);                                        // this shard's: no message
//   auto n = co_await counters.invoke_on(3, &counter::value);       // that shard's
//   co_await counters.invoke_on_all(&counter::reset);               // everybody's, at the same time
//   auto sum = co_await counters.map_reduce(&counter::value, std::plus<>());
//   co_await counters.stop();                                       // T::stop() if there is one, then ~T()
//
// One that lives as long as its runtime, and exists before the servers that use it start: sharded_service.hpp.
//
// Functions are captureless (D13): pointers to functions or members of T, or function objects. They are called with the
// shard's T& and the arguments; they may return a value, void or a task. Where more than one shard is called, arguments
// are copied, one set for each.
//
// Thread rule: start() and stop() on any shard of the runtime, not both at a time; the rest on every shard from then
//   on. The object itself may be made and destroyed anywhere. Each T is made, used and destroyed on its shard.
// Resume rule (D8): same shard, in "drain mail" when the last answer has come; at once when only this shard was asked
//   and it had its answer ready.
// Waiters: any number; a full lane suspends (submit.hpp). Stop: calls under way complete, see submit.hpp.
// Errors: an exception of one shard is rethrown when all shards have answered; of several, that of the lowest shard.
//   Where there is no T (before start, from stop() on): std::system_error with errc::stopped.
// Lifetime: stop() comes before the runtime ends and before the object goes; both are checked. A T goes when all calls
//   that others have made to it have ended, so T::stop() ends what those wait for. stop() travels like a call: when
//   the shard that calls it has a lane full of calls that only T::stop() would end, it waits behind them.
// Allocates: each T by new on its shard; a call to all shards, one std::vector; invoke_on() and local() nothing.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/gate.hpp>
#include <shoal/core/runtime.hpp>
#include <shoal/core/submit.hpp>
#include <shoal/core/when_all.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace shoal {

namespace detail {

/// Per shard: how many sharded objects live on it.
struct sharded_count {
  explicit sharded_count(shard&) {}
  sharded_count(const sharded_count&) = delete;
  sharded_count& operator=(const sharded_count&) = delete;
  ~sharded_count() { SHOAL_CHECK(alive == 0, "a runtime ended before a sharded<T> on it was stopped"); }
  std::size_t alive = 0;
};

/// What a call of `Function` with T& and arguments gives, through messages.
template <class T, class Function, class... Args>
using sharded_value = typename unwrap_task<std::decay_t<std::invoke_result_t<const Function&, T&, Args...>>>::type;

}  // namespace detail

template <class T>
class sharded {
 public:
  sharded() = default;
  sharded(const sharded&) = delete;
  sharded& operator=(const sharded&) = delete;
  ~sharded() { SHOAL_CHECK(!is_anywhere(), "a sharded<T> was destroyed before it was stopped"); }

  /// Makes T(args...) on every shard. When one throws, those that were made are stopped and destroyed again, and the
  /// exception is rethrown: then it may be started once more, as after stop().
  template <class... Args>
    requires std::constructible_from<T, Args...>
  task<> start(Args... args) {
    return start_with(make_directly{}, std::move(args)...);
  }
  /// The same with the T that factory(args...) returns; it need not be movable.
  template <sendable_function Factory, class... Args>
  task<> start_with(Factory factory, Args... args);
  /// On every shard at the same time: no more calls from others, T::stop() (void or task<>) if there is one, the calls
  /// under way to their end, ~T(). An exception of T::stop() is rethrown when all are gone. Harmless when not started.
  task<> stop();

  /// This shard's T. There must be one.
  [[nodiscard]] T& local() noexcept {
    T* here = local_or_null();
    SHOAL_CHECK(here != nullptr, "a sharded<T> was used before its start or after its stop");
    return *here;
  }
  [[nodiscard]] T* local_or_null() noexcept {
    const shard_id id = shard::current().id();
    return id < places_.size() && places_[id] != nullptr ? &places_[id]->value : nullptr;
  }

  /// fn(T&, args...) on that shard: what it returns or throws.
  template <sendable_function Function, class... Args>
    requires std::invocable<const Function&, T&, Args...>
  auto invoke_on(shard_id to, Function fn, Args... args) -> task<detail::sharded_value<T, Function, Args...>> {
    return submit_to(to, call_here{}, this, fn, std::move(args)...);
  }
  /// fn(T&, args...) on every shard, for what it does; errors travel as exceptions.
  template <sendable_function Function, class... Args>
    requires std::invocable<const Function&, T&, Args...> && std::is_void_v<detail::sharded_value<T, Function, Args...>>
  task<> invoke_on_all(Function fn, Args... args) {
    return on_every_shard(call_here{}, this, fn, std::move(args)...);
  }
  /// fn(T&, args...) of every shard, by number.
  template <sendable_function Function, class... Args>
    requires std::invocable<const Function&, T&, Args...>
  auto map(Function fn, Args... args) -> task<std::vector<detail::sharded_value<T, Function, Args...>>> {
    return on_every_shard(call_here{}, this, fn, std::move(args)...);
  }
  /// reduce(reduce(value of shard 0, value of shard 1), value of shard 2) ..., here.
  template <sendable_function Map, sendable_function Reduce>
    requires std::invocable<const Map&, T&>
  auto map_reduce(Map fn, Reduce reduce) -> task<detail::sharded_value<T, Map>>;
  /// The same that begins with `initial`, of any type that reduce(initial, value) returns; `args` are fn's.
  template <sendable_function Map, class Value, sendable_function Reduce, class... Args>
    requires std::invocable<const Map&, T&, Args...>
  auto map_reduce(Map fn, Value initial, Reduce reduce, Args... args) -> task<Value>;

 protected:
  // One shard's part of start and stop, on it: for those that are not started by message.
  void make_room(std::size_t shards) {
    SHOAL_CHECK(!is_anywhere(), "a sharded<T> was started twice");
    places_.resize(shards);
  }
  template <class Factory, class... Args>
  void start_here(const Factory& factory, Args&&... args);
  task<> stop_here();

 private:
  struct make_directly {
    template <class... Args>
    T operator()(Args&&... args) const {
      return T(std::forward<Args>(args)...);
    }
  };
  /// What one shard has.
  struct place {
    template <class Factory, class... Args>
    explicit place(const Factory& factory, Args&&... args) : value(std::invoke(factory, std::forward<Args>(args)...)) {
      ++shard::current().local<detail::sharded_count>().alive;
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() { --shard::current().local<detail::sharded_count>().alive; }
    gate calls;  // by others, that wait inside
    T value;
  };

  // What is sent.
  struct start_there {
    template <class Factory, class... Args>
    void operator()(sharded* self, Factory factory, Args&&... args) const {
      self->start_here(factory, std::forward<Args>(args)...);
    }
  };
  struct stop_there {
    task<> operator()(sharded* self) const { return self->stop_here(); }
  };
  struct call_here {
    template <class Function, class... Args>
    auto operator()(sharded* self, Function fn, Args&&... args) const
        -> std::decay_t<std::invoke_result_t<const Function&, T&, Args...>>;
  };

  template <class R>
  static task<R> stay_inside(gate::holder inside, task<R> work) {
    const gate::holder until_the_end = std::move(inside);
    co_return co_await work;
  }
  template <class Function, class... Args>
  static auto on_every_shard(Function fn, Args... args) {
    using value = typename detail::unwrap_task<std::invoke_result_t<Function, Args...>>::type;
    const auto shards = shard::current().mail().shards();
    std::vector<task<value>> calls;
    calls.reserve(shards);
    for (std::size_t to = 0; to < shards; ++to) calls.push_back(submit_to(static_cast<shard_id>(to), fn, args...));
    return when_all(std::move(calls));
  }
  [[nodiscard]] bool is_anywhere() const noexcept {
    return std::ranges::any_of(places_, [](const auto& p) { return p != nullptr; });
  }

  std::vector<std::unique_ptr<place>> places_;  // by shard; each shard's entry is its own
};

template <class T>
template <sendable_function Factory, class... Args>
task<> sharded<T>::start_with(Factory factory, Args... args) {
  make_room(shard::current().mail().shards());
  std::exception_ptr failure;
  auto made = on_every_shard(start_there{}, this, factory, std::move(args)...);
  try {
    co_await made;
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  try {
    co_await stop();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the first failure is the one to know
  }
  std::rethrow_exception(failure);
}

template <class T>
task<> sharded<T>::stop() {
  return on_every_shard(stop_there{}, this);
}

template <class T>
template <class Factory, class... Args>
void sharded<T>::start_here(const Factory& factory, Args&&... args) {
  auto& mine = places_[shard::current().id()];
  SHOAL_ASSERT(mine == nullptr);
  mine = std::make_unique<place>(factory, std::forward<Args>(args)...);
}

template <class T>
task<> sharded<T>::stop_here() {
  const shard_id id = shard::current().id();
  if (id >= places_.size() || places_[id] == nullptr || places_[id]->calls.is_closed()) co_return;
  place& mine = *places_[id];
  mine.calls.close();  // for those that come from here on; those inside are waited for below
  std::exception_ptr failure;
  try {
    if constexpr (requires { requires std::same_as<decltype(mine.value.stop()), task<>>; }) {
      co_await mine.value.stop();
    } else if constexpr (requires { mine.value.stop(); }) {
      mine.value.stop();
    }
  } catch (...) {
    failure = std::current_exception();
  }
  co_await mine.calls.close();
  places_[id].reset();
  if (failure) std::rethrow_exception(failure);
}

template <class T>
template <class Function, class... Args>
auto sharded<T>::call_here::operator()(sharded* self, Function fn, Args&&... args) const
    -> std::decay_t<std::invoke_result_t<const Function&, T&, Args...>> {
  using returned = std::invoke_result_t<const Function&, T&, Args...>;
  const shard_id id = shard::current().id();
  place* here = id < self->places_.size() ? self->places_[id].get() : nullptr;
  if (here == nullptr || here->calls.is_closed()) throw std::system_error(make_error_code(errc::stopped));
  if constexpr (detail::unwrap_task<std::decay_t<returned>>::is_task) {
    return stay_inside(std::move(*here->calls.enter()), std::invoke(fn, here->value, std::forward<Args>(args)...));
  } else {
    return std::invoke(fn, here->value, std::forward<Args>(args)...);
  }
}

template <class T>
template <sendable_function Map, sendable_function Reduce>
  requires std::invocable<const Map&, T&>
auto sharded<T>::map_reduce(Map fn, Reduce reduce) -> task<detail::sharded_value<T, Map>> {
  auto values = co_await map(fn);
  detail::sharded_value<T, Map> total = std::move(values.front());
  for (std::size_t i = 1; i < values.size(); ++i) total = std::invoke(reduce, std::move(total), std::move(values[i]));
  co_return total;
}

template <class T>
template <sendable_function Map, class Value, sendable_function Reduce, class... Args>
  requires std::invocable<const Map&, T&, Args...>
auto sharded<T>::map_reduce(Map fn, Value initial, Reduce reduce, Args... args) -> task<Value> {
  auto values = co_await map(fn, std::move(args)...);
  for (auto&& value : values) initial = std::invoke(reduce, std::move(initial), std::move(value));
  co_return initial;
}

}  // namespace shoal
