// SPDX-License-Identifier: Apache-2.0
// One log message as one line of text or JSON.
//
// Thread rule: a writer belongs to one thread at a time.
//
// Invariants:
//  1. A line is at most max_log_line bytes with its newline: the largest write to a pipe that can't be torn (PIPE_BUF).
//  2. Text holds no control character from the message: a newline becomes a newline and an indent, so that no peer can
//  forge a
//     line; others become \x1b. Bytes of 0x80 and above pass: logs are UTF-8 as far as their writers are.
//  3. JSON is always valid, also for bytes that are not UTF-8 (they become U+FFFD).
#pragma once

#include <shoal/core/log.hpp>

#include <cstddef>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace shoal {

inline constexpr std::size_t max_log_line = 4096;

/// 2026-01-31T11:41:20.123Z, as lines of JSON have it.
[[nodiscard]] std::string utc_text(std::chrono::system_clock::time_point at);

class log_line_writer {
 public:
  using time = std::chrono::system_clock::time_point;

  explicit log_line_writer(log_style style) noexcept : style_{style} {}

  /// The line with its newline; valid until the next call. Text shows local time, JSON UTC.
  [[nodiscard]] std::string_view line(std::optional<time> at, log_level level, std::string_view message);

 private:
  void text(std::optional<time> at, log_level level, std::string_view message);
  void json(std::optional<time> at, log_level level, std::string_view message);
  void append_local_time(time at);

  log_style style_;
  std::string line_;
  std::time_t second_ = -1;  // that clock_text_ is for
  std::string clock_text_;
};

}  // namespace shoal
