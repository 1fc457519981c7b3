// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/health_ledger.hpp>

#include <shoal/buffers/check.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace shoal {
namespace {

std::string count_of(unsigned n, std::string_view what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

/// The n-th ejection takes n times as long; what was in for long has become better.
unsigned forgiven(instant back_since, instant now, duration base) {
  if (back_since == never || base <= duration::zero()) return 0;
  const auto times = (now - back_since) / base;
  return static_cast<unsigned>(std::min<std::int64_t>(times, outlier_options::most_times));
}

}  // namespace

std::string to_string(const health_change& change) {
  const std::string_view how = change.up ? "down -> up" : "up -> down";
  return fmt::format("{}: {} ({} of {} {})", how, change.why, change.left, change.total, change.up ? "up" : "left");
}

health_ledger::health_ledger(std::size_t endpoints, const health_check_options* check, const outlier_options* outlier)
    : entries_(endpoints) {
  if (check != nullptr) {
    rise_ = check->rise;
    fall_ = check->fall;
  }
  if (outlier != nullptr) outlier_ = *outlier;
}

std::optional<health_change> health_ledger::checked(std::size_t endpoint, bool good, std::string_view why) {
  SHOAL_ASSERT(endpoint < entries_.size());
  entry& e = entries_[endpoint];
  if (good == e.checked_up) {
    e.in_a_row = 0;
    return std::nullopt;
  }
  const unsigned needed = good ? rise_ : fall_;
  if (++e.in_a_row < needed) return std::nullopt;
  e.in_a_row = 0;
  e.checked_up = good;
  if (e.ejected) return std::nullopt;  // it is down before and after
  return change_of(e, good ? count_of(rise_, "good check") : std::string{why});
}

std::optional<health_change> health_ledger::failed(std::size_t endpoint, std::string_view why, instant now) {
  SHOAL_ASSERT(endpoint < entries_.size());
  entry& e = entries_[endpoint];
  if (!may_eject(e)) return std::nullopt;
  const auto base = outlier_.base_ejection_time;
  e.times -= std::min(e.times, forgiven(e.back_since, now, base));
  e.times = std::min(e.times + 1, outlier_options::most_times);
  const duration length = base < (never - now) / e.times ? base * e.times : never - now;
  e.ejected = true;
  e.ejected_until = now + length;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(length).count();
  const std::string time = ms % 1000 == 0 ? fmt::format("{} s", ms / 1000) : fmt::format("{} ms", ms);
  return change_of(
      e, fmt::format("{}, {} in a row, ejected for {}", why, count_of(outlier_.consecutive_failures, "failure"), time));
}

bool health_ledger::may_eject(const entry& e) const noexcept {
  if (!is_up(e) || up() <= 1) return false;
  return (ejected() + 1) * 100 <= entries_.size() * outlier_.max_ejection_percent;
}

instant health_ledger::next_release() const noexcept {
  instant next = never;
  for (const entry& e : entries_) {
    if (e.ejected) next = std::min(next, e.ejected_until);
  }
  return next;
}

bool health_ledger::release_one(instant now, std::optional<health_change>& change) {
  const auto over = std::ranges::find_if(entries_, [&](const entry& e) { return e.ejected && e.ejected_until <= now; });
  if (over == entries_.end()) return false;
  over->ejected = false;
  over->ejected_until = never;
  over->back_since = now;
  change.reset();
  if (over->checked_up) change = change_of(*over, "its ejection is over");
  return true;
}

std::size_t health_ledger::up() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(entries_, [](const entry& e) { return is_up(e); }));
}

std::size_t health_ledger::ejected() const noexcept {
  return static_cast<std::size_t>(std::ranges::count(entries_, true, &entry::ejected));
}

std::vector<bool> health_ledger::states() const {
  std::vector<bool> made;
  made.reserve(entries_.size());
  for (const entry& e : entries_) made.push_back(is_up(e));
  return made;
}

health_change health_ledger::change_of(const entry& e, std::string why) const {
  return {.endpoint = static_cast<std::size_t>(&e - entries_.data()),
          .up = is_up(e),
          .why = std::move(why),
          .left = up(),
          .total = entries_.size()};
}

}  // namespace shoal
