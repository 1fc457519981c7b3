// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/shard_load.hpp>

#include <algorithm>

namespace shoal {
namespace {

double ratio(duration part, duration whole) noexcept {
  return static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

}  // namespace

double shard_load::blend(double share, double rate, duration part, duration whole) noexcept {
  if (part >= whole) return rate;
  return share + (rate - share) * ratio(part, whole);
}

load_snapshot shard_load::at(instant now) const noexcept {
  const auto state = state_.load(std::memory_order_relaxed);
  const bool asleep = (state & 1) != 0;
  const duration time = now.time_since_epoch();
  // The open window is done until the last poll; from there to now it slept, or has been in one turn.
  const duration since = std::max(time - duration{state >> 1}, duration::zero());
  const duration done = std::max(time - since - duration{window_start_.load(std::memory_order_relaxed)}, duration{1});
  load_snapshot seen;
  seen.busy_time = duration{busy_time_.load(std::memory_order_relaxed)};
  const duration worked = seen.busy_time - duration{window_base_.load(std::memory_order_relaxed)};
  const double rate = std::clamp(ratio(worked, done), 0.0, 1.0);
  const auto up_to_now = [&](double share, duration whole) {
    return blend(blend(share, rate, done, whole), asleep ? 0 : 1, since, whole);
  };
  seen.busy = up_to_now(busy_.load(std::memory_order_relaxed), load_window);
  seen.smoothed = up_to_now(smoothed_.load(std::memory_order_relaxed), load_smoothing);
  seen.queue_delay = duration{queue_delay_.load(std::memory_order_relaxed)};
  if (asleep && since >= load_window) seen.queue_delay = duration::zero();
  if (!asleep) seen.queue_delay = std::max(seen.queue_delay, since);
  seen.connections = connections_.load(std::memory_order_relaxed);
  seen.moves = moves_.load(std::memory_order_relaxed);
  seen.bytes = bytes_.load(std::memory_order_relaxed);
  return seen;
}

}  // namespace shoal
