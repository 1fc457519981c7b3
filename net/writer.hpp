// SPDX-License-Identifier: Apache-2.0
// writer: the waiting face of a connection's output.
//
// Resume rule: on the connection's shard; inside the co_await when nothing is to be waited for, else in "run tasks"
// after the
//   kernel took the bytes, a close or a timeout. Waiters: one writer at a time; a second gets errc::concurrent_access.
// Lifetime: as reader.hpp.
#pragma once

#include <shoal/net/connection.hpp>

namespace shoal {

/// Completes when all bytes up to a sequence number have been handed to the kernel.
class flush_awaiter : public resume_item {
 public:
  flush_awaiter(connection& c, std::uint64_t sequence, std::error_code error) noexcept
      : connection_(c), sequence_(sequence), error_(error) {}
  [[nodiscard]] bool await_ready() { return !begin(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }
  [[nodiscard]] result<void> await_resume() const noexcept {
    if (error_) return fail(error_);
    return {};
  }

 private:
  friend class connection;
  [[nodiscard]] bool begin();

  connection& connection_;
  std::uint64_t sequence_;
  std::error_code error_;
};

class writer {
 public:
  explicit writer(connection& c) noexcept : connection_(c) {}

  /// Waits while queued output is above its high mark, until it has fallen to the low one.
  [[nodiscard]] flush_awaiter room() const;
  /// As connection::flush().
  [[nodiscard]] flush_awaiter flush() const { return connection_.flush(); }

 private:
  connection& connection_;
};

inline writer connection::writer() noexcept { return shoal::writer{*this}; }

}  // namespace shoal
