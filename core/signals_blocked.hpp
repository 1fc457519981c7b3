// SPDX-License-Identifier: Apache-2.0
// For threads of ours that are no shards: signals belong to the program's.
//
// Thread rule: made and destroyed on one thread, whose mask it changes meanwhile.
#pragma once

#include <signal.h>

namespace shoal {

/// Threads started while one of these lives get no signals: those belong to the program, and a broken pipe must be an
/// error.
class signals_blocked {
 public:
  signals_blocked() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace shoal
