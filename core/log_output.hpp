// SPDX-License-Identifier: Apache-2.0
// The descriptor that log lines are written to.
//
// Thread rule: write() belongs to the log's own thread; reopen() may be called from any.
// Invariants:
//  1. write() gives up after `patience`, and at once while the output has not recovered since.
//  2. Files are opened for appending, so two processes (an upgrade) may share one and every line stays whole.
#pragma once

#include <shoal/buffers/errc.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

namespace shoal {

class log_output {
 public:
  /// How long a stopped reader is waited for, also at shutdown.
  static constexpr std::chrono::milliseconds patience{1000};

  /// "stdout" or "-", "stderr", or a file. Throws std::system_error if it can't be opened.
  explicit log_output(std::string path);
  ~log_output();
  log_output(const log_output&) = delete;
  log_output& operator=(const log_output&) = delete;

  /// False: the line is lost, or the end of it.
  bool write(std::string_view line) noexcept;

  /// Opens the file anew; write() and adopt() change over to it.
  [[nodiscard]] result<void> reopen();
  /// Changes over to a reopened file, if there is one, so that the old one is closed even if no line comes.
  void adopt() noexcept;

 private:
  [[nodiscard]] result<int> open_file() const noexcept;
  [[nodiscard]] bool writable() noexcept;

  std::string path_;
  bool standard_ = true;  // stdout and stderr belong to the process
  int fd_ = -1;
  bool stuck_ = false;
  std::atomic<int> reopened_{-1};
};

}  // namespace shoal
