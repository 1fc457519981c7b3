// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/load_meter.hpp>

namespace shoal {
namespace {

std::uint64_t bytes_moved(const poller_counters& io) noexcept { return io.received_bytes + io.sent_bytes; }

}  // namespace

load_meter::load_meter(shard_load& out, instant now) noexcept : out_(out), window_start_(now) {
  out_.window_start_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  out_.state_.store(now.time_since_epoch().count() << 1, std::memory_order_relaxed);
}

/// What ends is idle, even if its last turn was not.
load_meter::~load_meter() { out_.state_.store(1, std::memory_order_relaxed); }

void load_meter::fell_asleep(instant at, const poller_counters& io) noexcept {
  out_.bytes_.store(bytes_moved(io), std::memory_order_relaxed);
  out_.state_.store(at.time_since_epoch().count() << 1 | 1, std::memory_order_relaxed);
}

/// The first poll after a long sleep closes a long window: then the sleep is what it tells of.
void load_meter::close_window(instant now, const poller_counters& io) noexcept {
  const duration length = now - window_start_;
  const auto busy = static_cast<double>(busy_.count());
  const double share = std::min(busy / static_cast<double>(length.count()), 1.0);
  const double before = out_.smoothed_.load(std::memory_order_relaxed);
  out_.busy_.store(static_cast<float>(share), std::memory_order_relaxed);
  out_.smoothed_.store(static_cast<float>(shard_load::blend(before, share, length, load_smoothing)),
                       std::memory_order_relaxed);
  out_.queue_delay_.store(busy == 0 ? 0 : static_cast<duration::rep>(squares_ / busy), std::memory_order_relaxed);
  out_.bytes_.store(bytes_moved(io), std::memory_order_relaxed);
  out_.window_base_.store(out_.busy_time_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  out_.window_start_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  window_start_ = now;
  busy_ = duration::zero();
  squares_ = 0;
}

}  // namespace shoal
