// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/timer_wheel.hpp>

#include <shoal/buffers/check.hpp>

#include <algorithm>
#include <bit>

namespace shoal {

namespace {

constexpr std::uint64_t tick_mask = (std::uint64_t{1} << timer_wheel::tick_bits) - 1;
/// The first tick that is no instant any more; deadlines that round up to it (292 years) count as `never`.
constexpr std::uint64_t tick_never = std::uint64_t{1} << (63 - timer_wheel::tick_bits);

std::uint64_t tick_before(instant t) noexcept {
  const auto ns = t.time_since_epoch().count();
  return ns <= 0 ? 0 : static_cast<std::uint64_t>(ns) >> timer_wheel::tick_bits;
}

std::uint64_t tick_after(instant t) noexcept {
  const auto ns = t.time_since_epoch().count();
  return ns <= 0 ? 0 : (static_cast<std::uint64_t>(ns) + tick_mask) >> timer_wheel::tick_bits;
}

instant instant_of(std::uint64_t tick) noexcept {
  return instant{duration{static_cast<duration::rep>(tick << timer_wheel::tick_bits)}};
}

}  // namespace

timer::~timer() noexcept {
  if (armed()) wheel_->cancel(*this);
}

instant timer::fires_at() const noexcept { return armed() ? instant_of(tick_) : never; }

timer_wheel::timer_wheel(instant start) noexcept : elapsed_{tick_before(start)} { SHOAL_ASSERT(start >= instant{}); }

timer_wheel::~timer_wheel() noexcept {
  SHOAL_ASSERT(!expiring_);
  due_.clear();
  sinking_.clear();
  for (auto& level : slots_) {
    for (auto& slot : level) slot.clear();
  }
}

void timer_wheel::arm(timer& t, instant deadline) noexcept {
  cancel(t);
  const auto tick = tick_after(deadline);
  if (tick >= tick_never) return;
  // While expiring, the floor is `now`, not the tick reached so far: a timer that keeps re-arming itself in the past
  // must queue behind everything that is due, or it would starve the others and never let expire() end.
  const auto floor = expiring_ ? target_ : elapsed_;
  t.wheel_ = this;
  t.tick_ = std::max(tick, floor);
  auto& home = expiring_ && tick <= floor ? late_ : list_for(t.tick_);
  home.push_back(t);
  ++size_;
}

void timer_wheel::cancel(timer& t) noexcept {
  if (!t.armed()) return;
  SHOAL_ASSERT(t.wheel_ == this);
  t.hook_.unlink();
  --size_;
  // It may have been in another list (late_, sinking_); looking at the slot of its tick is then needless but right.
  if (t.tick_ > elapsed_) forget_if_empty(place_of(t.tick_));
}

instant timer_wheel::next_deadline() const noexcept {
  if (!due_.empty() || !sinking_.empty() || !late_.empty()) return instant_of(elapsed_);
  if (levels_ == 0) return never;
  const auto next = first_occupied();
  return instant_of(earliest_[next.level][next.slot]);
}

std::size_t timer_wheel::expire(instant now, std::size_t budget) noexcept {
  SHOAL_ASSERT(!expiring_);
  expiring_ = true;
  target_ = std::max(tick_before(now), elapsed_);
  std::size_t fired = 0;
  for (std::size_t handled = 0; handled < budget;) {
    if (!sinking_.empty()) {
      sink_front();
      ++handled;
    } else if (!due_.empty()) {
      fire_front();
      ++handled;
      ++fired;
    } else if (!advance()) {
      break;
    }
  }
  expiring_ = false;
  if (!late_.empty()) {  // all of them have the tick target_
    auto& home = list_for(target_);
    home.splice(home.end(), late_);
  }
  return fired;
}

/// Moves the wheel's time on to the next occupied slot, or to the target. True if there is something to handle.
bool timer_wheel::advance() noexcept {
  const auto next = levels_ == 0 ? place{} : first_occupied();
  const auto start = levels_ == 0 ? tick_never : start_of(next);
  if (start > target_) {
    elapsed_ = target_;
    return false;
  }
  SHOAL_ASSERT(start > elapsed_);
  elapsed_ = start;
  auto& from = slots_[next.level][next.slot];
  SHOAL_ASSERT(!from.empty());
  if (next.level == 0) {
    due_.splice(due_.end(), from);
  } else {
    sinking_.splice(sinking_.end(), from);
    sinking_level_ = next.level;
  }
  forget_if_empty(next);
  return true;
}

/// Calls the first due timer, which may be destroyed by its callback.
void timer_wheel::fire_front() noexcept {
  auto& t = due_.front();
  SHOAL_ASSERT(t.tick_ <= target_);
  due_.pop_front();
  --size_;
  t.on_expiry_(t);
}

/// Moves one timer from a coarse slot to the finer list where its tick belongs now.
void timer_wheel::sink_front() noexcept {
  auto& t = sinking_.front();
  sinking_.pop_front();
  home_of(t.tick_).push_back(t);
}

/// Where a timer being armed goes. Behind the ones that are still sinking, if they may share its tick (invariant 3).
timer_wheel::list& timer_wheel::list_for(std::uint64_t tick) noexcept {
  if (!sinking_.empty() && (tick <= elapsed_ || place_of(tick).level < sinking_level_)) return sinking_;
  return home_of(tick);
}

/// The list a tick belongs to by invariant 2. The caller must put a timer of this tick there.
timer_wheel::list& timer_wheel::home_of(std::uint64_t tick) noexcept {
  if (tick <= elapsed_) return due_;
  const auto p = place_of(tick);
  auto& earliest = earliest_[p.level][p.slot];
  auto& bits = occupied_[p.level];
  const auto bit = std::uint64_t{1} << p.slot;
  earliest = (bits & bit) != 0 ? std::min(earliest, tick) : tick;
  bits |= bit;
  levels_ |= 1U << p.level;
  return slots_[p.level][p.slot];
}

void timer_wheel::forget_if_empty(place p) noexcept {
  if (!slots_[p.level][p.slot].empty()) return;
  occupied_[p.level] &= ~(std::uint64_t{1} << p.slot);
  if (occupied_[p.level] == 0) levels_ &= ~(1U << p.level);
}

timer_wheel::place timer_wheel::first_occupied() const noexcept {
  SHOAL_ASSERT(levels_ != 0);
  const auto level = static_cast<unsigned>(std::countr_zero(levels_));
  return {.level = level, .slot = static_cast<unsigned>(std::countr_zero(occupied_[level]))};
}

/// The first tick of a slot, given that it is later than elapsed_.
std::uint64_t timer_wheel::start_of(place p) const noexcept {
  const auto shift = p.level * level_bits;
  const auto above = elapsed_ >> (shift + level_bits) << (shift + level_bits);
  return above | std::uint64_t{p.slot} << shift;
}

timer_wheel::place timer_wheel::place_of(std::uint64_t tick) const noexcept {
  SHOAL_ASSERT(tick > elapsed_);
  const auto level = static_cast<unsigned>(std::bit_width(tick ^ elapsed_) - 1) / level_bits;
  return {.level = level, .slot = static_cast<unsigned>(tick >> (level * level_bits)) % slot_count};
}

}  // namespace shoal
