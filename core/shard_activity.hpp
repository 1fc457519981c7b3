// SPDX-License-Identifier: Apache-2.0
// shard_activity: what a shard is doing right now, for the thread that watches it (stall_watch.hpp).
//
// Thread rule: the shard writes, the watch reads. All relaxed: a look that is a little late
// or early costs a report a little precision, never a wrong word.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

namespace shoal {

/// The steps of a turn, see shard.hpp.
enum class turn_step : std::uint8_t { asleep, poll, deliver, mail, tasks, timers, flush };

struct alignas(64) shard_activity {
  /// Changes with every step: turn number and step in one word, so that one store tells both.
  std::atomic<std::uint64_t> progress{0};
  /// The hook that runs, a string of static life; nullptr outside of hooks.
  std::atomic<const char*> hook{nullptr};
  /// The shard's thread while it may be sent a signal, else 0; see stall_watch::join().
  std::atomic<pthread_t> thread{};

  void enter(std::uint64_t turn, turn_step step) noexcept {
    progress.store(turn << 3 | static_cast<std::uint64_t>(step), std::memory_order_relaxed);
  }
  [[nodiscard]] static turn_step step_of(std::uint64_t progress) noexcept {
    return static_cast<turn_step>(progress & 7);
  }
};

[[nodiscard]] constexpr const char* to_string(turn_step step) noexcept {
  switch (step) {
    case turn_step::asleep: return "asleep";
    case turn_step::poll: return "poll";
    case turn_step::deliver: return "deliver";
    case turn_step::mail: return "drain mail";
    case turn_step::tasks: return "run tasks";
    case turn_step::timers: return "expire timers";
    case turn_step::flush: return "flush dirty";
  }
  return "?";
}

}  // namespace shoal
