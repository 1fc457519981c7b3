// SPDX-License-Identifier: Apache-2.0
// The two fences of the sleep protocol, the only place where they exist.
//
//     sleeping shard                         sending shard
//     asleep = true                          publish the message
//     sleeper_fence()   (expensive)          sender_fence()   (a compiler barrier)
//     look at every source once more         if (asleep) wake
//
// One of both sees the other's store. membarrier makes the sleeper pay for both: the kernel runs a full barrier on
// every core that runs this process. Without membarrier, or under the thread sanitizer (which does not know fences),
// both sides pay a read-modify-write on the flag.
#pragma once

#include <atomic>

#if defined(__SANITIZE_THREAD__)
#define SHOAL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHOAL_TSAN 1
#endif
#endif
#ifndef SHOAL_TSAN
#define SHOAL_TSAN 0
#endif

namespace shoal {

/// How the two sides meet; chosen once per process by asking the kernel.
enum class fence_kind : unsigned char {
  membarrier,         ///< the sleeper pays for all
  read_modify_write,  ///< both pay
};

/// Registers the process for membarrier if the kernel has it. Any thread; cheap after the first call.
[[nodiscard]] fence_kind choose_fence() noexcept;

/// Publishes `asleep`; the owner then looks a last time. `alone`: there is no other shard, so no membarrier is needed;
/// foreign threads pay a full fence themselves.
void sleeper_fence(fence_kind kind, bool alone, std::atomic<bool>& asleep) noexcept;

/// Between publishing a message and reading the receiver's flag; returns the flag.
[[nodiscard]] inline bool sender_sees_asleep(fence_kind kind, std::atomic<bool>& asleep) noexcept {
  if (kind == fence_kind::membarrier) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return asleep.load(std::memory_order_relaxed);
  }
  // Reads by writing the value back unchanged: a full barrier that the thread sanitizer understands.
  bool expected = false;
  return !asleep.compare_exchange_strong(expected, false, std::memory_order_seq_cst);
}

/// The same for threads that are no shard.
[[nodiscard]] inline bool foreign_sees_asleep(std::atomic<bool>& asleep) noexcept {
#if !SHOAL_TSAN
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  bool expected = false;
  return !asleep.compare_exchange_strong(expected, false, std::memory_order_seq_cst);
}

}  // namespace shoal
