// SPDX-License-Identifier: Apache-2.0
// shard_load: how busy a shard is, in one cache line of its own, for every other shard to read.
//
// Busy is the time in which a turn had something to do: from the end of its poll to the next poll's end, or to where
// that one falls asleep. So it holds what the turn ran and what left after it. A turn that found nothing (idle_spin)
// and sleep don't count. It is time on the clock: a shard that has to wait for its CPU in the middle of its work is as
// busy as one that computes. What the kernel does inside the call that may sleep is not seen: with io_uring that is the
// sending, so a shard that still sleeps now and then reads lower than on epoll; compare shards of one runtime.
//
// Thread rule: written by the shard (load_meter.hpp), read by any thread. All relaxed: the values of one look may be a
//   turn apart, never torn.
// Invariant: what was published ages by itself: a shard that sleeps reads as idle after a while, one that is stuck in a
//   turn as busy, without either of them doing anything.
#pragma once

#include <shoal/core/instant.hpp>

#include <atomic>
#include <cstdint>

namespace shoal {

/// What `busy` looks back on: dozens of turns under load, so that one request more or less is no news; short enough for
/// who has to choose now.
inline constexpr duration load_window = std::chrono::milliseconds{50};
/// What `smoothed` looks back on: who moves things for good waits for more than one large request.
inline constexpr duration load_smoothing = std::chrono::milliseconds{250};

/// One look at a shard.
struct load_snapshot {
  double busy = 0;                          ///< share of the last load_window, 0 to 1
  double smoothed = 0;                      ///< the same over load_smoothing
  duration queue_delay = duration::zero();  ///< see shard_load
  duration busy_time = duration::zero();    ///< all of it since the start, up to the last poll
  std::uint32_t connections = 0;            ///< open now
  std::uint32_t moves = 0;                  ///< connections that went on to another shard, since the start
  std::uint64_t bytes = 0;                  ///< received and sent since the start, up to the last window or sleep
};

class alignas(64) shard_load {
 public:
  [[nodiscard]] load_snapshot at(instant now) const noexcept;

  // ---- by the shard ----

  void connection_opened() noexcept { add<std::uint32_t>(connections_, 1); }
  void connection_closed() noexcept { add(connections_, ~std::uint32_t{0}); }
  void connection_moved_on() noexcept { add<std::uint32_t>(moves_, 1); }

 private:
  friend class load_meter;

  /// A share measured over `whole`, of which the last `part` passed at `rate` instead.
  [[nodiscard]] static double blend(double share, double rate, duration part, duration whole) noexcept;
  /// One writer: no read-modify-write needed.
  template <class Number>
  static void add(std::atomic<Number>& counter, Number n) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  /// The last poll, or when it fell asleep: nanoseconds << 1, and 1 if asleep. Asleep until the shard runs.
  std::atomic<duration::rep> state_{1};
  std::atomic<duration::rep> window_start_{0};  ///< of the one that is open
  std::atomic<duration::rep> window_base_{0};   ///< busy_time_ then
  std::atomic<float> busy_{0};                  ///< of the window before
  std::atomic<float> smoothed_{0};              ///< up to there
  /// Of the window before: how long the turn is that a moment of its busy time falls into: what becomes ready waits
  /// half of it on average, all of it at most, until the shard looks.
  std::atomic<duration::rep> queue_delay_{0};
  std::atomic<duration::rep> busy_time_{0};
  std::atomic<std::uint32_t> connections_{0};
  std::atomic<std::uint32_t> moves_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

static_assert(sizeof(shard_load) == 64);

}  // namespace shoal
