// SPDX-License-Identifier: Apache-2.0
// stall_watch: a thread of the runtime that looks at what its shards do.
//
//   a step that holds a shard longer than `stall_report` is reported once: step, hook, duration, and the culprit's
//   stack if the application lends a signal
//   a shard that works through a long task gets its time slice ended (maybe_yield.hpp)
//
// A look costs some microseconds and comes four times per `stall_report`, more often while slices are counted. When all
// shards sleep it sleeps too, and looks once a second.
//
// Thread rule: start() and stop() on the runtime's thread, the rest on shards.
#pragma once

#include <shoal/core/backtrace.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/core/log_gate.hpp>
#include <shoal/core/semaphore.hpp>
#include <shoal/core/shard_activity.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace shoal {

class logger;

/// Code that calls maybe_yield() holds its shard about this long at a time: half of the millisecond that others may
/// notice.
inline constexpr duration slice_length = std::chrono::microseconds{500};
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
  /// A shard that has begun a slice: look often from now on.
  void count_slices() noexcept {
    if (!counting_.load(std::memory_order_seq_cst)) begin_counting();
  }

 private:
  struct sight {
    shard_activity* shard;
    std::uint64_t progress = 0;
    instant since{};        // when this progress was first seen
    bool stalled = false;   // over the limit; the report comes at its end
    bool reported = false;  // or before, if it does not end
    std::uint64_t slice_of = 0;
    instant slice_since = never;
    const char* hook = nullptr;
    std::string stack;
    log_gate gate{stall_log_interval};
  };

  void run();
  /// How long until the next look.
  [[nodiscard]] duration look(instant now);
  void begin_counting() noexcept;
  /// Whether any shard is in a slice; ends those that have lasted long enough.
  [[nodiscard]] bool look_at_slices(instant now) noexcept;
  [[nodiscard]] static bool look_at_slice(sight& seen, instant now) noexcept;
  void look_at_progress(sight& seen, std::uint64_t progress, instant now);
  void take_stack(sight& seen, instant now);
  void report(sight& seen, std::size_t shard, instant now, bool over);

  host& machine_;
  logger& log_;
  stall_options options_;
  std::optional<backtrace_signal> signal_;
  std::unique_ptr<symbol_names> names_;
  std::vector<sight> shards_;
  unsigned quiet_looks_ = 0;
  semaphore roused_;
  std::mutex signalling_;  // a thread must not end between being looked up and being sent a signal
  unsigned looks_without_slice_ = 0;
  std::atomic<bool> dormant_{false};
  std::atomic<bool> counting_{false};
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace shoal
