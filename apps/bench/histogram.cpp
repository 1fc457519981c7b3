// SPDX-License-Identifier: Apache-2.0
#include "bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bench {

std::size_t histogram::slot_of(std::uint64_t value) noexcept {
  // The bucket is the number of low bits that three digits do not need.
  const auto bits = static_cast<unsigned>(std::bit_width(value | (2 * half - 1)));
  const unsigned bucket = bits - (half_bits + 1);
  return (static_cast<std::size_t>(bucket) << half_bits) + (value >> bucket);
}

std::int64_t histogram::last_value_of(std::size_t slot) noexcept {
  std::size_t bucket = slot >> half_bits;
  std::size_t step = slot & (half - 1);
  if (bucket == 0) return static_cast<std::int64_t>(step);
  --bucket;
  step += half;
  return static_cast<std::int64_t>(((static_cast<std::uint64_t>(step) + 1) << bucket) - 1);
}

void histogram::record(std::int64_t nanoseconds) noexcept {
  const std::int64_t value = std::clamp<std::int64_t>(nanoseconds, 0, longest);
  ++counts_[slot_of(static_cast<std::uint64_t>(value))];
  ++total_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void histogram::merge(const histogram& other) noexcept {
  for (std::size_t i = 0; i < slots; ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double histogram::mean() const noexcept { return total_ == 0 ? 0 : sum_ / static_cast<double>(total_); }

std::int64_t histogram::value_at(double share) const noexcept {
  if (total_ == 0) return 0;
  const double rank = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(total_));
  const std::uint64_t wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < slots; ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(last_value_of(i), max_);
  }
  return max_;
}

std::optional<std::int64_t> histogram::percentile(double share) const noexcept {
  if (!enough_samples(total_, share)) return std::nullopt;
  return value_at(share);
}

bool enough_samples(std::uint64_t count, double share) noexcept {
  // 1 - 0.99 is a little more than 0.01: rounded, so that 570 samples suffice for p99 and 569 do not.
  const double needed = 5.7 / (1 - share);
  return static_cast<double>(count) >= std::round(needed * 1e6) / 1e6;
}

}  // namespace bench
