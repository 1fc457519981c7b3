// SPDX-License-Identifier: Apache-2.0
// A histogram of durations in nanoseconds with a constant relative error, in the manner of HdrHistogram.
//
// Thread rule: one thread. Recording is one increment and allocates nothing.
//
// Values below 2^sub_bits have a bucket each; above, every power of two is divided into 2^sub_bits equal buckets, so a
// bucket is never wider than 1/128 of its values. The largest and smallest value are kept exactly.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace shoal::bench {

class latency_histogram {
 public:
  void record(std::uint64_t nanoseconds) noexcept {
    ++buckets_[index_of(nanoseconds)];
    ++count_;
    max_ = std::max(max_, nanoseconds);
  }

  void clear() noexcept { *this = latency_histogram{}; }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }

  /// The value that a share `q` (0 < q < 1) of all recordings does not exceed, or nothing when the samples do not carry
  /// it: a 95 % interval by order statistics needs about 5.7 samples beyond the quantile (5,700 for p99.9).
  [[nodiscard]] std::optional<std::uint64_t> quantile(double q) const noexcept {
    if (static_cast<double>(count_) * (1.0 - q) < samples_beyond) return std::nullopt;
    const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= rank) return std::min(upper_end(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned sub_bits = 7;
  static constexpr std::uint64_t sub_count = 1U << sub_bits;
  static constexpr double samples_beyond = 5.7;

  static std::size_t index_of(std::uint64_t value) noexcept {
    if (value < sub_count) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - (sub_bits + 1);
    return shift * sub_count + (value >> shift);
  }

  static std::uint64_t upper_end(std::size_t index) noexcept {
    if (index < 2 * sub_count) return index;
    const std::uint64_t shift = index / sub_count - 1;
    return ((index - shift * sub_count + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - sub_bits + 1) * sub_count> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace shoal::bench
