// SPDX-License-Identifier: Apache-2.0
// signal_wait: blocks one thread until a signal from its set, or a wake-up from any thread. Only for programs that ask
// (D4).
//
// Thread rule: wait() on one thread; wake() on any.
#pragma once

#include <csignal>
#include <vector>

namespace shoal {

class signal_wait {
 public:
  signal_wait();
  signal_wait(const signal_wait&) = delete;
  signal_wait& operator=(const signal_wait&) = delete;
  /// Drops signals of the set that are still pending, and gives this thread its mask back if add() changed it.
  ~signal_wait();

  /// Blocks the signal's usual effect in this thread and all it will start, and adds it to the set.
  void add(int signal_number);
  /// The next signal, or 0 after wake().
  [[nodiscard]] int wait();
  void wake() noexcept;

 private:
  sigset_t set_{};
  sigset_t before_{};  // the thread's mask, restored at the end
  bool has_signals_ = false;
  int signal_fd_ = -1;
  int wake_fd_ = -1;
};

}  // namespace shoal
