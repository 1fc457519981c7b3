// SPDX-License-Identifier: Apache-2.0
// maybe_yield: for long work, in a loop: goes on at once while the turn is young, else lets everything else run first.
//
//   for (auto& item : a_million) { digest(item); co_await maybe_yield(); }
//
// Going on costs one load, and now and then a look at the clock. A turn that has lasted slice_length is old.
//
// Resume rule: same shard, at once or in the "run tasks" step of the next turn. Waiters: one per awaitable. Stop: not
//   interrupted. Lifetime: lives in the waiting frame. On a simulated host every 64th
//   call yields.
#pragma once

#include <shoal/core/shard.hpp>

#include <coroutine>

namespace shoal {

class [[nodiscard]] maybe_yield : public resume_item {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return shard::current().slice_goes_on(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    waiting = handle;
    shard::current().schedule_next_turn(*this);
  }
  void await_resume() const noexcept {}
};

}  // namespace shoal
