// SPDX-License-Identifier: Apache-2.0
// A counting semaphore for threads: it blocks them. (Coroutines wait for a `semaphore`.) Not the standard's: that of
// GCC 12.2's library can sleep through a release (its bug 104928).
//
// Thread rule: any thread. release() makes a system call only when somebody waits.
#pragma once

#include <shoal/core/instant.hpp>

#include <semaphore.h>

#include <cerrno>
#include <cstdint>
#include <ctime>

namespace shoal {

class thread_semaphore {
 public:
  thread_semaphore() noexcept { ::sem_init(&sem_, 0, 0); }
  thread_semaphore(const thread_semaphore&) = delete;
  thread_semaphore& operator=(const thread_semaphore&) = delete;
  ~thread_semaphore() { ::sem_destroy(&sem_); }

  void release() noexcept { ::sem_post(&sem_); }
  void acquire() noexcept {
    while (::sem_wait(&sem_) != 0 && errno == EINTR) {
    }
  }
  /// Waits until `deadline` (of host::now(), the monotonic clock) at the latest. Whether it was released.
  bool acquire_until(instant deadline) noexcept {
    constexpr std::int64_t second = 1'000'000'000;
    const std::int64_t ns = deadline.time_since_epoch().count();
    const timespec until{.tv_sec = ns / second, .tv_nsec = ns % second};
    int failed = 0;
    while ((failed = ::sem_clockwait(&sem_, CLOCK_MONOTONIC, &until)) != 0 && errno == EINTR) {
    }
    return failed == 0;
  }

 private:
  sem_t sem_;
};

}  // namespace shoal
