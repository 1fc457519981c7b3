// SPDX-License-Identifier: Apache-2.0
// A shard that a test steps by hand. Its clock moves only when the test says so, or when the shard goes to sleep: then
// to the deadline it sleeps until. Its poller does no input or output.
//
// Thread rule: one thread, from construction to destruction.
// Invariant: the shard is shard::current() as long as this object lives, so a test may create tasks in its own body.
#pragma once

#include <shoal/core/host/host.hpp>
#include <shoal/core/runtime.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/core/task.hpp>
#include <tests/core/still_poller.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <utility>

namespace shoal::test {

/// A machine with a clock and nothing else.
class manual_host final : public host {
 public:
  instant time{std::chrono::hours{1}};
  std::function<void()> on_sleep;  ///< called when a shard goes to sleep

  instant now() noexcept override { return time; }
  std::chrono::system_clock::time_point wall_time() noexcept override { return {}; }
  std::uint64_t random_seed() noexcept override { return 1; }
  result<int> open_listener(socket_name_view, const listen_options&) override { return fail(errc::not_supported); }
  std::error_code probe_bind(socket_name_view, bool) override { return errc::not_supported; }
  result<int> open_stream(int, const tcp_options&) override { return fail(errc::not_supported); }
  result<socket_name> adopt_listener(int) override { return fail(errc::not_supported); }
  result<accepted_socket> accept_waiting(int) override { return fail(errc::not_supported); }
  result<socket_name> adopt_stream(int) override { return fail(errc::not_supported); }
  std::error_code bind_source(int, socket_name_view) override { return errc::not_supported; }
  std::error_code set_options(int, const tcp_options&) override { return errc::not_supported; }
  result<socket_name> local_name(int) override { return fail(errc::not_supported); }
  result<socket_name> peer_name(int) override { return fail(errc::not_supported); }
  void shutdown_socket(int, shutdown_side) noexcept override {}
  void abort_socket(int) noexcept override {}
  void close_socket(int) noexcept override {}
  bool is_stale_unix_socket(shoal::socket_name_view) noexcept override { return false; }
  void remove_unix_socket(socket_name_view) noexcept override {}
  void burn(poller&, duration cpu_time) noexcept override { time += cpu_time; }
  bool threaded() const noexcept override { return false; }
  result<std::unique_ptr<poller>> make_poller(poller_kind) override { return fail(errc::not_supported); }
};

/// Sleeps by moving the clock.
class clock_poller final : public still_poller {
 public:
  explicit clock_poller(manual_host& machine) : machine_(machine) {}

  void poll(instant deadline, poll_sleeper& sleeper) override {
    ++counters_.polls;
    const instant until = sleeper.before_block(deadline);
    if (until != instant::min()) {
      ++counters_.waits;
      if (machine_.on_sleep) machine_.on_sleep();
      if (until != never) machine_.time = std::max(machine_.time, until);
    }
    sleeper.after_block();
  }

 private:
  manual_host& machine_;
};

/// Where run() notes that its task has finished.
struct end_note : run_item {
  end_note() : run_item([](run_item& item) { ++static_cast<end_note&>(item).count; }) {}
  int count = 0;
};

/// A runtime that is never started still has a log.
inline runtime_options quiet_options() {
  static log_collector nowhere;
  runtime_options options;
  options.log.collector = &nowhere;
  return options;
}

class solo_shard {
 public:
  explicit solo_shard(duration idle_spin = duration::zero()) : owner_(quiet_options(), machine_) {
    shard_options options;
    options.idle_spin = idle_spin;
    here_ =
        std::make_unique<shard>(options, owner_, *machine_, std::make_unique<clock_poller>(*machine_), owner_.log());
    const std::array<mailbox*, 1> all{&here_->mail()};
    here_->mail().connect(all, here_->io());
    inside_ = std::make_unique<shard::entered>(*here_);
  }
  solo_shard(const solo_shard&) = delete;
  solo_shard& operator=(const solo_shard&) = delete;
  ~solo_shard() {
    inside_.reset();
    here_.reset();
  }

  [[nodiscard]] shard& operator*() noexcept { return *here_; }
  [[nodiscard]] shard* operator->() noexcept { return here_.get(); }
  [[nodiscard]] manual_host& machine() noexcept { return *machine_; }
  [[nodiscard]] std::uint64_t nodes() const noexcept { return here_->memory().counters().nodes_in_use; }

  void turn() { here_->turn(true); }

  /// Turns until no timer is left, the shard's own included; false if that takes more than a few.
  [[nodiscard]] bool comes_to_rest() {
    for (int i = 0; i < 10 && here_->timers().size() != 0; ++i) turn();
    return here_->timers().size() == 0;
  }

  /// Runs `work` to its end and gives what it returns, or throws what it throws.
  template <class T>
  T run(task<T> work) {
    end_note end;
    if (!work.start(end)) {
      while (end.count == 0) turn();
    }
    return work.take();
  }

 private:
  std::shared_ptr<manual_host> machine_ = std::make_shared<manual_host>();
  runtime owner_;
  std::unique_ptr<shard> here_;
  std::unique_ptr<shard::entered> inside_;
};

}  // namespace shoal::test
