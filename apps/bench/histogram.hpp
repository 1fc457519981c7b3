// SPDX-License-Identifier: Apache-2.0
// histogram: counts of latencies with three significant digits, in the layout of HdrHistogram: what one value is
// indistinguishable from, every HdrHistogram of three digits agrees on.
//
//   bucket 0: 2048 steps of 1 ns | bucket 1: 1024 steps of 2 ns | bucket 2: 1024 steps of 4 ns | ... up to an hour
//
// Thread rule: one owner; each core has its own, merged after the end.
// Invariants:
//  1. A value is counted as one that is at most 0.1 % away. Longer than `longest` counts as `longest`, below 0 as 0.
//  2. Merging loses nothing: the merged histogram equals the one that all values had been recorded in.
//  3. record() allocates nothing. The memory, 33,792 counts (264 KiB), is taken once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bench {

class histogram {
 public:
  static constexpr std::int64_t longest = 3'600'000'000'000;  ///< ns: an hour

  histogram() : counts_(slots) {}

  void record(std::int64_t nanoseconds) noexcept;
  void merge(const histogram& other) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return total_; }
  /// As recorded, to the nanosecond. 0 when empty.
  [[nodiscard]] std::int64_t max() const noexcept { return max_; }
  [[nodiscard]] double mean() const noexcept;
  /// The largest value that is counted with the one at rank ceil(share * count), but never more than max(); share in
  /// [0, 1]. 0 when empty.
  [[nodiscard]] std::int64_t value_at(double share) const noexcept;
  /// The same, or nothing when there are too few samples for it: below 5.7 / (1 - share) of them, no order statistic
  /// bounds the percentile with 95 % confidence.
  [[nodiscard]] std::optional<std::int64_t> percentile(double share) const noexcept;

  [[nodiscard]] bool operator==(const histogram&) const = default;

 private:
  static constexpr unsigned half_bits = 10;  // 2048 steps tell 1,000 from 1,001
  static constexpr std::size_t half = std::size_t{1} << half_bits;
  static constexpr std::size_t buckets = 32;  // 2048 << 31 is the first to exceed an hour
  static constexpr std::size_t slots = (buckets + 1) * half;

  [[nodiscard]] static std::size_t slot_of(std::uint64_t value) noexcept;
  [[nodiscard]] static std::int64_t last_value_of(std::size_t slot) noexcept;

  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  std::int64_t max_ = 0;
  double sum_ = 0;
};

/// Whether so many samples suffice for a percentile, share in [0, 1).
[[nodiscard]] bool enough_samples(std::uint64_t count, double share) noexcept;

}  // namespace bench
