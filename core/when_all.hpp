// SPDX-License-Identifier: Apache-2.0
// when_all: several tasks side by side; goes on when all have ended.
//
//   auto [user, orders] = co_await when_all(find_user(id), find_orders(id));
//   std::vector<row> rows = co_await when_all(std::move(tasks));
//
// The tasks start in order, each runs to its first suspension, when the result is awaited. Among others the value of
// a task<> is std::monostate; where all are task<>, nothing is returned.
// Exceptions: all others run to their end first; then the exception of the first task in order that has one is thrown,
//   and every value and other exception is dropped.
//
// Resume rule: that of child_count.hpp: same shard, inside the event that ended the last task. Waiters: one. Stop: the
//   tasks are not stopped, not even when one throws; hand them a token. Lifetime: the tasks are moved into the frame
//   and live until the return; what their arguments refer to must outlive that.
// Allocates: its frame from the slab; for a vector also the node array and the vector of results.
#pragma once

#include <shoal/core/child_count.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace shoal {

namespace detail {

template <class... T>
using all_values = std::conditional_t<(std::is_void_v<T> && ...), void, std::tuple<kept_value_t<T>...>>;

template <class... T>
all_values<T...> take_all(task<T>&... finished) {
  if constexpr (std::is_void_v<all_values<T...>>) {
    (finished.take(), ...);
  } else {
    return std::tuple<kept_value_t<T>...>{take_kept(finished)...};  // braces: left to right
  }
}

template <class... T>
task<all_values<T...>> await_all(task<T>... children) {
  child_count running;
  std::array<child_count::child_end, sizeof...(T)> ends;
  std::size_t index = 0;
  ((running.start(children, ends[index], index), ++index), ...);
  co_await running;
  if constexpr (std::is_void_v<all_values<T...>>) {
    take_all(children...);
  } else {
    co_return take_all(children...);
  }
}

template <class T>
task<std::conditional_t<std::is_void_v<T>, void, std::vector<kept_value_t<T>>>> await_all_of(
    std::vector<task<T>> children) {
  child_count running;
  const auto ends = std::make_unique<child_count::child_end[]>(children.size());
  for (std::size_t i = 0; i < children.size(); ++i) running.start(children[i], ends[i], i);
  co_await running;
  if constexpr (std::is_void_v<T>) {
    for (auto& child : children) child.take();
  } else {
    std::vector<T> values;
    values.reserve(children.size());
    for (auto& child : children) values.push_back(child.take());
    co_return values;
  }
}

}  // namespace detail

// By reference, so that no task is a by-value temporary of the awaiting expression (D13).
template <class... T>
  requires(sizeof...(T) != 0)
[[nodiscard]] auto when_all(task<T>&&... children) {
  return detail::await_all<T...>(std::move(children)...);
}
template <class T>
[[nodiscard]] auto when_all(std::vector<task<T>>&& children) {
  return detail::await_all_of<T>(std::move(children));
}

}  // namespace shoal
