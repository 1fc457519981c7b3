// SPDX-License-Identifier: Apache-2.0
// signal_events: signals of one kind as something a shard's coroutine waits for. Only if the application asks (D4).
//
//   signal_events hangups{runtime, SIGHUP};                    // before start(); comes with SIGHUP blocked, see
//   on_signal while (auto times = co_await hangups.next()) reload();     // on its shard, in a task of the
//   application's own
//
// Signals are taken by the thread in runtime::run() (or wait_for_signals()) and handed to the shard as messages; those
// that come while nobody waits are counted, not queued.
//
// Thread rule: made and destroyed where the runtime is; next() on the chosen shard only.
#pragma once

#include <shoal/core/run_item.hpp>
#include <shoal/core/service.hpp>

#include <cstdint>
#include <memory>

namespace shoal {

class signal_events final : public service {
 public:
  signal_events(runtime& owner, int signal_number, shard_id on = 0);
  signal_events(const signal_events&) = delete;
  signal_events& operator=(const signal_events&) = delete;
  ~signal_events();

  /// How many came since the last call, at least one; errc::stopped once the runtime stops, and
  /// errc::concurrent_access for a second waiter.
  /// Resume rule: same shard, in "drain mail". Waiters: one. Lifetime: the awaitable lives in the waiting frame.
  class [[nodiscard]] next_awaiter : public resume_item {
   public:
    explicit next_awaiter(signal_events& from) noexcept : from_(from) {}
    [[nodiscard]] bool await_ready() const noexcept {
      return from_.count_ != 0 || from_.stopped_ || from_.waiter_ != nullptr;
    }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      waiting = handle;
      from_.waiter_ = this;
    }
    [[nodiscard]] result<std::uint64_t> await_resume() noexcept;

   private:
    signal_events& from_;
  };
  [[nodiscard]] next_awaiter next() noexcept { return next_awaiter{*this}; }

 private:
  void note(std::uint64_t count);
  void wake() noexcept;

  std::expected<void, start_failure> prepare(runtime& owner) override;
  void start(shard& here) override;
  task<> stop(shard& here, instant deadline) override;

  runtime& owner_;
  const shard_id on_;
  std::shared_ptr<signal_events*> self_ = std::make_shared<signal_events*>(this);
  // Owner shard only.
  std::uint64_t count_ = 0;
  bool stopped_ = false;
  next_awaiter* waiter_ = nullptr;
};

}  // namespace shoal
