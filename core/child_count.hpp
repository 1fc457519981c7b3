// SPDX-License-Identifier: Apache-2.0
// child_count: what when_all and when_any have in common: tasks that run side by side, and one coroutine that waits
// until the last has ended.
//
// Thread rule: owner shard only.
// Resume rule: same shard, at once when all have ended, else inside the event that ended the last one, to a depth of
//   inline_depth_limit; deeper, from the run queue. One waiter. It outlives every child it has started.
#pragma once

#include <shoal/core/task.hpp>

#include <coroutine>
#include <cstddef>
#include <variant>

namespace shoal::detail {

/// What stands for a task's value in a tuple or variant.
template <class T>
struct kept_value {
  using type = T;
};
template <>
struct kept_value<void> {
  using type = std::monostate;
};
template <class T>
using kept_value_t = typename kept_value<T>::type;

/// The value of a task that has finished; throws what it has thrown.
template <class T>
kept_value_t<T> take_kept(task<T>& finished) {
  if constexpr (std::is_void_v<T>) {
    finished.take();
    return {};
  } else {
    return finished.take();
  }
}

class child_count : public resume_item {
 public:
  static constexpr std::size_t nobody = ~std::size_t{0};
  using first_function = void (*)(child_count&);

  /// The continuation of one child.
  struct child_end final : run_item {
    child_end() noexcept
        : run_item([](run_item& item) {
            auto& self = static_cast<child_end&>(item);
            self.owner->ended(self.index);
          }) {}
    child_count* owner = nullptr;
    std::size_t index = 0;
  };

  /// `on_first`: called when the first child ends.
  explicit child_count(first_function on_first = nullptr) noexcept : on_first_(on_first) {}

  template <class T>
  void start(task<T>& child, child_end& end, std::size_t index) {
    end.owner = this;
    end.index = index;
    ++running_;
    if (child.start(end)) ended(index);
  }
  /// Which child ended first, or nobody.
  [[nodiscard]] std::size_t first() const noexcept { return first_; }

  [[nodiscard]] bool await_ready() const noexcept { return running_ == 0; }
  void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }
  void await_resume() const noexcept {}

 private:
  void ended(std::size_t index) {
    SHOAL_ASSERT(running_ != 0);
    if (first_ == nobody) {
      first_ = index;
      // Counted still, or a child that ends inside this would be the last and everything gone at the return.
      if (on_first_ != nullptr) on_first_(*this);
    }
    if (--running_ == 0 && waiting) shard::current().run_or_schedule(*this);
  }

  first_function on_first_;
  std::size_t running_ = 0;
  std::size_t first_ = nobody;
};

}  // namespace shoal::detail
