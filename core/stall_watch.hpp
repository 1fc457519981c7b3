// SPDX-License-Identifier: Apache-2.0
// stall_watch: a thread of the runtime that looks at what its shards do. A step that holds a shard longer than
// `stall_report` is reported once: step, hook, duration, and the culprit's stack if the application lends a signal.
//
// A look costs some microseconds and comes four times per `stall_report`. When all shards sleep it sleeps too, and
// looks once a second.
//
// Thread rule: start() and stop() on the runtime's thread, the rest on shards.
#pragma once

#include <shoal/core/backtrace.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/core/log_gate.hpp>
#include <shoal/core/shard_activity.hpp>
#include <shoal/core/thread_semaphore.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace shoal {

class logger;

/// No shard's stalls fill the log: at most one line each in this time, which says how many were left out.
inline constexpr duration stall_log_interval = std::chrono::seconds{1};

struct stall_options {
  duration report = std::chrono::milliseconds{25};  ///< zero: nothing is reported
  /// A signal the application lends for backtraces, for example SIGURG; 0: none. Its handler belongs to the runtime
  /// between start and end.
  int signal = 0;
};

class stall_watch {
 public:
  stall_watch(host& machine, logger& log) noexcept : machine_(machine), log_(log) {}
  stall_watch(const stall_watch&) = delete;
  stall_watch& operator=(const stall_watch&) = delete;
  ~stall_watch() { stop(); }

  /// The activities must live until stop(). Throws std::system_error for want of a thread, or for a signal that cannot
  /// be handled.
  void start(const stall_options& options, const std::vector<shard_activity*>& shards);
  void stop() noexcept;

  /// On a shard's thread, at its beginning and at its end: in between it may be sent the signal.
  static void join(shard_activity& shard) noexcept;
  void leave(shard_activity& shard) noexcept;

  /// A shard that wakes up asks this first: one load.
  [[nodiscard]] bool is_dormant() const noexcept { return dormant_.load(std::memory_order_relaxed); }
  void rouse() noexcept;

 private:
  struct sight {
    shard_activity* shard;
    std::uint64_t progress = 0;
    instant since{};        // when this progress was first seen
    bool stalled = false;   // over the limit; the report comes at its end
    bool reported = false;  // or before, if it does not end; or left out
    std::uint64_t left_out = 0;
    const char* hook = nullptr;
    std::string stack;
    log_gate gate{stall_log_interval};
  };

  void run();
  /// How long until the next look.
  [[nodiscard]] duration look(instant now);
  void look_at_progress(sight& seen, std::uint64_t progress, instant now);
  void take_stack(sight& seen, instant now);
  void report(sight& seen, std::size_t shard, instant now, bool over);

  host& machine_;
  logger& log_;
  stall_options options_;
  std::optional<backtrace_signal> signal_;
  std::vector<sight> shards_;
  unsigned quiet_looks_ = 0;
  thread_semaphore roused_;
  std::mutex signalling_;  // a thread must not end between being looked up and being sent a signal
  std::atomic<bool> dormant_{false};
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace shoal
