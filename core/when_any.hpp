// SPDX-License-Identifier: Apache-2.0
// when_any: several tasks side by side; the first to end wins, the others are asked to stop and awaited.
//
//   std::stop_source stop;
//   auto first = co_await when_any(stop, from_cache(key, stop.get_token()), from_disk(key, stop.get_token()));
//   if (first.index() == 0) ...                              // std::variant, the winner's value at its place
//
// Structured: no task outlives the call. Tasks and a stop_source, not functions that are handed a token: a task is a
// function with its arguments already in its frame, and starts only when awaited, so nothing with a destructor but the
// tasks stands in the awaiting expression (D13). Who must react to a stop of its own caller gives a linked_stop.
//
// The tasks start in order, each runs to its first suspension; when one of them ends there the ones behind it never
// start. Values: a std::variant with one place per task, std::monostate for a task<>; for a vector first_done<T>. A
//   task that was not the first but finished all the same, or threw, is dropped with its value: do not race for what
//   must not be lost. Exceptions: ending with one is ending; when the winner did, it is thrown after the others ended.
//
// Resume rule: that of child_count.hpp: same shard, inside the event that ended the last task. Waiters: one. Stop: the
//   source's stop asks all; a task that was not given the token is waited for until it ends by itself. Lifetime: the
//   tasks are moved into the frame and live until the return; what their arguments refer to must outlive that.
// Allocates: its frame from the slab; for a vector also the node array.
#pragma once

#include <shoal/core/child_count.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace shoal {

/// Which of a vector of tasks was first, and what it returned.
template <class T>
struct first_done {
  std::size_t index = 0;
  detail::kept_value_t<T> value{};
};

namespace detail {

class race final : public child_count {
 public:
  explicit race(std::stop_source losers) noexcept
      : child_count([](child_count& self) { static_cast<race&>(self).losers_.request_stop(); }),
        losers_(std::move(losers)) {}
  [[nodiscard]] bool is_won() const noexcept { return first() != nobody; }

 private:
  std::stop_source losers_;
};

template <class... T>
using winner_of = std::variant<kept_value_t<T>...>;

template <std::size_t Index, class... T>
void take_if_winner(std::optional<winner_of<T...>>& value, std::size_t winner, std::tuple<task<T>&...> children) {
  if (winner == Index) value.emplace(std::in_place_index<Index>, take_kept(std::get<Index>(children)));
}

template <class... T>
winner_of<T...> take_winner(std::size_t winner, task<T>&... finished) {
  std::optional<winner_of<T...>> value;
  const std::tuple<task<T>&...> children{finished...};
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    (take_if_winner<Index, T...>(value, winner, children), ...);
  }(std::index_sequence_for<T...>{});
  return std::move(*value);
}

template <class... T>
task<winner_of<T...>> await_any(std::stop_source losers, task<T>... children) {
  race running{std::move(losers)};
  std::array<child_count::child_end, sizeof...(T)> ends;
  std::size_t index = 0;
  ((running.is_won() ? void() : running.start(children, ends[index], index), ++index), ...);
  co_await running;
  co_return take_winner<T...>(running.first(), children...);
}

template <class T>
task<first_done<T>> await_any_of(std::stop_source losers, std::vector<task<T>> children) {
  SHOAL_CHECK(!children.empty(), "when_any of nothing");
  race running{std::move(losers)};
  const auto ends = std::make_unique<child_count::child_end[]>(children.size());
  for (std::size_t i = 0; i < children.size() && !running.is_won(); ++i) running.start(children[i], ends[i], i);
  co_await running;
  const std::size_t winner = running.first();
  co_return first_done<T>{winner, take_kept(children[winner])};
}

}  // namespace detail

// By reference, so that no task is a by-value temporary of the awaiting expression (D13).
template <class... T>
  requires(sizeof...(T) != 0)
[[nodiscard]] auto when_any(const std::stop_source& losers, task<T>&&... children) {
  return detail::await_any<T...>(losers, std::move(children)...);
}
template <class T>
[[nodiscard]] auto when_any(const std::stop_source& losers, std::vector<task<T>>&& children) {
  return detail::await_any_of<T>(losers, std::move(children));
}

}  // namespace shoal
