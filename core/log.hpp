// SPDX-License-Identifier: Apache-2.0
// The log of one runtime: lines with a level, written where no shard has to wait for them.
//
// Thread rule: every method of logger and log_collector may be called from any thread. Neither is global; have as many
// as you like.
//
// Invariants:
//  1. write() makes no system call that can block on the output. Lines go through a bounded queue to a thread of the
//  logger's
//     own, "shoal-log"; a stopped terminal or a full disk costs lines, never a shard's time.
//  2. When the queue is full the oldest lines go: those just before the end of the story matter most. What is lost is
//  counted, and
//     the log itself says how many when it can be written again.
//  3. One message is one line, whatever bytes a peer put into it (see log_line.hpp).
//  4. The destructor writes what is queued, and waits at most a second for an output that takes nothing.
//
// To format, include <shoal/core/log_format.hpp>: log_info(log, "draining {} connections", n).
#pragma once

#include <shoal/buffers/errc.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

enum class log_level : std::uint8_t { trace, debug, info, warning, error, off };

/// "warning" and so on.
[[nodiscard]] std::string_view to_string(log_level level) noexcept;
/// The reverse; also "warn". Nothing for other words.
[[nodiscard]] std::optional<log_level> parse_log_level(std::string_view word) noexcept;

enum class log_style : std::uint8_t {
  text,  ///< 12:41:20 warning: what happened
  json,  ///< {"time":"2026-01-31T11:41:20.123Z","level":"warning","message":"what happened"}
};

using wall_clock = std::function<std::chrono::system_clock::time_point()>;

class log_collector;

struct log_options {
  log_level level = log_level::info;
  log_style style = log_style::text;
  std::string path = "stderr";         ///< "stdout" (or "-"), "stderr", or a file to append to
  wall_clock clock;                    ///< the host's; called on the writing thread. Without it lines carry no time
  log_collector* collector = nullptr;  ///< if set, lines go there on the caller's thread instead of to `path`
};

/// A place for lines that tests read. Must outlive the logger.
class log_collector {
 public:
  void add(std::string line);
  /// The lines so far, without their newline; starts anew.
  [[nodiscard]] std::vector<std::string> take();

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

class logger {
 public:
  /// Lines that may wait for the output; each takes about 400 bytes, up to 4 KiB when long.
  static constexpr std::size_t max_queued_lines = 1024;

  /// Throws std::system_error if the file can't be opened.
  explicit logger(const log_options& options);
  ~logger();
  logger(const logger&) = delete;
  logger& operator=(const logger&) = delete;

  [[nodiscard]] bool enabled(log_level level) const noexcept {
    return level >= level_.load(std::memory_order_relaxed) && level != log_level::off;
  }
  [[nodiscard]] log_level level() const noexcept { return level_.load(std::memory_order_relaxed); }
  void set_level(log_level level) noexcept { level_.store(level, std::memory_order_relaxed); }

  /// Queues one line if the level is on.
  void write(log_level level, std::string_view message) noexcept;

  /// Opens the file anew, after somebody moved it away. The old one stays in use if that fails. Nothing to do for
  /// stdout, stderr.
  [[nodiscard]] result<void> reopen();

  /// Lines that were written by nobody, because the queue or the output was full.
  [[nodiscard]] std::size_t lines_lost() const noexcept;

 private:
  class backend;
  class collecting;
  class queued;
  [[nodiscard]] static std::unique_ptr<backend> make_backend(const log_options& options);

  std::atomic<log_level> level_;
  wall_clock clock_;
  std::unique_ptr<backend> backend_;
  std::atomic<std::size_t> lost_here_{0};  // for want of memory
};

}  // namespace shoal
