// SPDX-License-Identifier: Apache-2.0
// What the tests of gate, semaphore, mutex, condition and channel share.
//
// Thread rule: one thread, with a solo_shard current.
#pragma once

#include <shoal/core/scope.hpp>
#include <tests/core/solo_shard.hpp>

#include <boost/test/unit_test.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>
#include <vector>

namespace shoal::test {

inline constexpr std::size_t small_stack = std::size_t{256} << 10;

using numbers = std::vector<int>;

inline void no_failure(const std::exception_ptr&) noexcept { BOOST_ERROR("a child failed"); }

/// Turns until nothing is ready; time stands still.
inline void run_ready(solo_shard& here) {
  do here->turn(false);
  while (!here->is_quiet());
}

/// A coroutine that starts when made and may be destroyed while it waits: a task may not.
class loose {
 public:
  struct promise_type {
    loose get_return_object() noexcept { return loose{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { BOOST_ERROR("a loose coroutine failed"); }
  };
  loose(loose&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  loose& operator=(loose&&) = delete;
  ~loose() { destroy(); }

  void destroy() noexcept {
    if (frame_) std::exchange(frame_, {}).destroy();
  }
  [[nodiscard]] bool done() const noexcept { return frame_ && frame_.done(); }

 private:
  explicit loose(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

}  // namespace shoal::test
