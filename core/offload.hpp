// SPDX-License-Identifier: Apache-2.0
// offload: run a call that may block (a file, a name service) on a helper thread, and wait for what it returns.
//
//   auto text = co_await offload(&read_whole_file, path);    // a captureless function and its arguments (D13)
//
// The function runs beside the shards: it must touch nothing of theirs. An exception it throws is thrown here. The call
// lives in the waiting frame: nothing is allocated for it.
//
// Resume rule: same shard, in "drain mail". Waiters: any number; beyond offloads_per_shard they queue here, first come
//   first served. Stop: a call that has begun always completes, and the shard stays until it has (D14). Lifetime:
//   arguments are moved into the frame and live until the return. On a simulated host the function runs on the shard
//   itself.
#pragma once

#include <shoal/core/helper_pool.hpp>
#include <shoal/core/submit.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace shoal {

namespace detail {

/// A shard's share of the helpers.
class offload_gate {
 public:
  explicit offload_gate(shard& here) noexcept : here_(here) {}
  /// Submits, or keeps the call until one of this shard's calls is back.
  void enter(blocking_call& call, run_item& when_there_is_room);
  /// One of this shard's calls is back.
  void leave();

 private:
  void submit(blocking_call& call);

  shard& here_;
  std::size_t running_ = 0;
  run_queue waiting_;
};

template <class Function, class... Args>
class offloaded_call final : public blocking_call {
 public:
  using value = std::invoke_result_t<Function, Args...>;

  explicit offloaded_call(Function what, Args... args) : function_(what), args_(std::move(args)...) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    caller_ = caller;
    shard::current().local<offload_gate>().enter(*this, retry_);
  }
  [[nodiscard]] value await_resume() { return outcome_.take(); }

  void execute() noexcept override {
    try {
      if constexpr (std::is_void_v<value>) {
        std::apply(function_, std::move(args_));
      } else {
        outcome_.value.emplace(std::apply(function_, std::move(args_)));
      }
    } catch (...) {
      outcome_.error = std::current_exception();
    }
  }
  void run() override {
    shard::current().local<offload_gate>().leave();
    caller_.resume();
  }

 private:
  struct retry_item : run_item {
    explicit retry_item(offloaded_call& owner)
        : run_item([](run_item& item) {
            auto& self = static_cast<retry_item&>(item);
            shard::current().local<offload_gate>().enter(self.call, self);
          }),
          call(owner) {}
    offloaded_call& call;
  };

  Function function_;
  std::tuple<Args...> args_;
  call_outcome<value> outcome_;
  std::coroutine_handle<> caller_;
  retry_item retry_{*this};
};

}  // namespace detail

template <sendable_function Function, class... Args>
  requires std::invocable<Function, Args...>
auto offload(Function function, Args... args) -> task<std::invoke_result_t<Function, Args...>> {
  detail::offloaded_call<Function, Args...> call{function, std::move(args)...};
  co_return co_await call;
}

}  // namespace shoal
