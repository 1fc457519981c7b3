// SPDX-License-Identifier: Apache-2.0
// The timers of one shard: a hierarchical wheel of intrusive timers. Nothing here allocates.
//
// Thread rule: a wheel and the timers armed on it belong to one shard.
//
// Invariants:
//  1. Time is counted in ticks of 2^16 ns (65.5 us) since the clock's epoch. A deadline is rounded up to a tick, so no
//  timer
//     fires early, and none later than one tick after its deadline if expire() is called in time.
//  2. Level k has 64 slots of 64^k ticks. A timer lives at the highest base-64 digit in which its tick differs from the
//     wheel's; 8 levels hold every instant, so nothing overflows. Lower levels are always due before higher ones.
//  3. All timers of one tick are in the same list, in the order they were armed. So firing order is (tick, arming
//  order),
//     which replays exactly.
//  4. A timer fires at most once per expire(), also if it re-arms itself in the past.
//
//  level 0:  4.2 ms in slots of 65.5 us     level 2: 17.2 s in slots of 268 ms      level 4: 19.5 h in slots of 18.3
//  min level 1:  268 ms in slots of 4.2 ms      level 3: 18.3 min in slots of 17.2 s    levels 5, 6, 7: 52 days, 9
//  years, all
#pragma once

#include <shoal/core/instant.hpp>

#include <boost/intrusive/list.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace shoal {

class timer_wheel;

/// One deadline and what to call then. Embed it in what it times and find that again in the callback.
class timer {
 public:
  /// Runs on the wheel's shard with the timer no longer armed. It may arm or cancel any timer and may destroy its own.
  using callback = void (*)(timer&) noexcept;

  explicit timer(callback on_expiry) noexcept : on_expiry_{on_expiry} {}
  /// Cancels.
  ~timer() noexcept;
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;

  [[nodiscard]] bool armed() const noexcept { return hook_.is_linked(); }
  /// The first instant at which it can fire (its deadline rounded up to a tick); `never` when not armed.
  [[nodiscard]] instant fires_at() const noexcept;

 private:
  friend class timer_wheel;
  using hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  hook hook_;
  timer_wheel* wheel_ = nullptr;  // the wheel it was last armed on
  callback on_expiry_;
  std::uint64_t tick_ = 0;
};

static_assert(sizeof(timer) <= 40, "every connection embeds a timer");

class timer_wheel {
 public:
  /// 65.5 us: well under any timeout people configure, and a shift instead of a division.
  static constexpr unsigned tick_bits = 16;
  static constexpr duration resolution{std::int64_t{1} << tick_bits};

  /// `start`: the time now. Must not be before the clock's epoch.
  explicit timer_wheel(instant start) noexcept;
  /// Disarms what is still armed, without calling it.
  ~timer_wheel() noexcept;
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;

  /// Arms, or re-arms (it then counts as armed last). `never` disarms. A deadline in the past fires at the next
  /// expire(); so does one that a callback arms at or before the `now` of the running expire(). O(1).
  void arm(timer& t, instant deadline) noexcept;

  /// Harmless when not armed. O(1).
  void cancel(timer& t) noexcept;

  /// When to call expire() next; `never` when nothing is armed, an instant in the past when it has work left. Exact to
  /// a tick; only a cancelled timer can make it early, and then once per level at most. O(1).
  [[nodiscard]] instant next_deadline() const noexcept;

  /// Fires what is due at `now`. Handles at most `budget` timers (fires them, or moves them to a finer level) and
  /// leaves the rest for the next call, so that a storm of timers can't hold the shard. Returns how many fired. Not
  /// from a callback.
  std::size_t expire(instant now, std::size_t budget) noexcept;

  /// Timers armed now.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  friend class timer;
  using list = boost::intrusive::list<timer, boost::intrusive::member_hook<timer, timer::hook, &timer::hook_>,
                                      boost::intrusive::constant_time_size<false>>;

  static constexpr unsigned level_bits = 6;
  static constexpr unsigned level_count = 8;  // 48 bits of ticks are 2^64 ns
  static constexpr unsigned slot_count = 1U << level_bits;

  struct place {
    unsigned level;
    unsigned slot;
  };

  [[nodiscard]] place place_of(std::uint64_t tick) const noexcept;
  [[nodiscard]] place first_occupied() const noexcept;
  [[nodiscard]] std::uint64_t start_of(place p) const noexcept;
  [[nodiscard]] list& list_for(std::uint64_t tick) noexcept;
  [[nodiscard]] list& home_of(std::uint64_t tick) noexcept;
  void forget_if_empty(place p) noexcept;
  bool advance() noexcept;
  void fire_front() noexcept;
  void sink_front() noexcept;

  std::uint64_t elapsed_;     // everything in the slots is later than this tick
  std::uint64_t target_ = 0;  // while expiring: the tick of `now`
  bool expiring_ = false;
  std::size_t size_ = 0;

  list due_;                    // their tick has come
  list sinking_;                // from a coarse slot whose time has come, on their way to finer ones
  unsigned sinking_level_ = 0;  // the level they come from; levels below are filled only from here
  list late_;                   // armed by a callback at or before `now`: they wait for the next expire()

  std::uint32_t levels_ = 0;                           // bit k: some slot of level k is occupied
  std::array<std::uint64_t, level_count> occupied_{};  // bit s: slot s holds timers
  std::array<std::array<list, slot_count>, level_count> slots_;
  std::array<std::array<std::uint64_t, slot_count>, level_count>
      earliest_{};  // lower bound of the ticks in an occupied slot
};

}  // namespace shoal
