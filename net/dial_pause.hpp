// SPDX-License-Identifier: Apache-2.0
// dial_pause: how a dial waits before it tries again. Unlike a sleep it ends when the shard stops, and when the caller
// wants no connection any more.
//
// Resume rule: same shard, in the "expire timers" step; when it ends early, in "run tasks". One waiter. Stop: ends with
// errc::stopped. Lifetime: it lives in the waiting frame.
#pragma once

#include <shoal/core/run_item.hpp>
#include <shoal/core/shard.hpp>

#include <boost/intrusive/list.hpp>

#include <coroutine>
#include <system_error>

namespace shoal {

class [[nodiscard]] dial_pause final : public resume_item {
 public:
  dial_pause(shard& here, instant until) noexcept;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  /// No error: the time has come.
  [[nodiscard]] std::error_code await_resume() const noexcept { return outcome_; }

  /// Ends the wait. Harmless when it is over.
  void end(std::error_code why) noexcept;

 private:
  friend class dial_pauses;
  using hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  struct end_timer final : timer {
    explicit end_timer(dial_pause& by) noexcept;
    dial_pause& owner;
  };

  shard& here_;
  instant until_;
  hook hook_;
  end_timer timer_{*this};
  std::error_code outcome_;
  bool over_ = false;
};

/// The pauses of one shard, ended by its stop (shard::local<dial_pauses>()).
class dial_pauses {
 public:
  explicit dial_pauses(shard&) noexcept {}
  void add(dial_pause& p) noexcept;
  void stop() noexcept;

 private:
  using list = boost::intrusive::list<dial_pause,
                                      boost::intrusive::member_hook<dial_pause, dial_pause::hook, &dial_pause::hook_>,
                                      boost::intrusive::constant_time_size<false>>;
  list waiting_;
  bool stopped_ = false;
};

}  // namespace shoal
