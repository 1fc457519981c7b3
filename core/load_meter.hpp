// SPDX-License-Identifier: Apache-2.0
// load_meter: adds up a shard's turns and publishes them as its shard_load.
//
// Thread rule: owner shard only.
// Cost: two stores to the shard's own cache line per poll. Its owner reads the clock once more where a turn that worked
//   is followed by a sleep.
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/core/poller/poller.hpp>
#include <shoal/core/shard_load.hpp>

#include <cstdint>

namespace shoal {

class load_meter {
 public:
  load_meter(shard_load& out, instant now) noexcept;
  load_meter(const load_meter&) = delete;
  load_meter& operator=(const load_meter&) = delete;
  ~load_meter();

  /// A turn that found work took so long.
  void add_turn(duration length) noexcept {
    busy_ += length;
    const auto nanoseconds = static_cast<double>(length.count());
    squares_ += nanoseconds * nanoseconds;
    out_.busy_time_.store(out_.busy_time_.load(std::memory_order_relaxed) + length.count(), std::memory_order_relaxed);
  }
  void fell_asleep(instant at, const poller_counters& io) noexcept;
  void polled(instant now, const poller_counters& io) noexcept {
    if (now - window_start_ >= load_window) close_window(now, io);
    out_.state_.store(now.time_since_epoch().count() << 1, std::memory_order_relaxed);
  }

 private:
  void close_window(instant now, const poller_counters& io) noexcept;

  shard_load& out_;
  instant window_start_;
  duration busy_ = duration::zero();  // in this window
  double squares_ = 0;                // of its turns' lengths in nanoseconds
};

}  // namespace shoal
