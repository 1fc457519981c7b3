// SPDX-License-Identifier: Apache-2.0
// backtrace: where another thread of this process is, taken by a signal to it, and the names of what stands there.
//
// Thread rule: request() and the rest on one thread, the watch's; the signal's handler fills the capture on the thread
// it interrupts, and takes nothing but its own stack.
#pragma once

#include <shoal/core/instant.hpp>

#include <pthread.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace shoal {

/// Lends one signal for as long as it lives; what it did before is put back at the end.
class backtrace_signal {
 public:
  /// Throws std::system_error if the kernel takes no handler for this number.
  explicit backtrace_signal(int number);
  backtrace_signal(const backtrace_signal&) = delete;
  backtrace_signal& operator=(const backtrace_signal&) = delete;
  ~backtrace_signal();

  /// The addresses on the stack of `thread`, innermost first; valid until the next call. Empty if the thread does not
  /// answer until `deadline`.
  [[nodiscard]] std::span<void* const> of(pthread_t thread, instant deadline) noexcept;

 private:
  struct saved_action;
  int number_;
  std::unique_ptr<saved_action> before_;
  std::array<void*, 64> copy_{};
};

/// Names for addresses, from the symbol tables and debug information of what is loaded. Slow to make (it reads files).
class symbol_names {
 public:
  symbol_names();
  symbol_names(const symbol_names&) = delete;
  symbol_names& operator=(const symbol_names&) = delete;
  ~symbol_names();

  /// "parse_order(order&) (orders.cpp:41)", or the address where nothing is known.
  [[nodiscard]] std::string name_of(const void* return_address) const;

 private:
  struct session;
  std::unique_ptr<session> session_;
};

}  // namespace shoal
