// SPDX-License-Identifier: Apache-2.0
// failure_counts: how many clients in a row each endpoint of an upstream has failed, on all shards together.
//
// Thread rule: any shard; relaxed. Who counts a failure that completes the row tells the upstream's home; nobody else
//   sends anything.
// Invariant: while nothing fails nobody writes, so that a success costs one read of a line that every core has.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace shoal {

class failure_counts {
 public:
  explicit failure_counts(std::size_t endpoints) : counts_(std::make_unique<count[]>(endpoints)) {}

  void succeeded(std::size_t endpoint) noexcept {
    auto& row = counts_[endpoint].failures;
    if (row.load(std::memory_order_relaxed) != 0) [[unlikely]]
      row.store(0, std::memory_order_relaxed);
  }
  /// How long the row is now.
  [[nodiscard]] std::uint32_t failed(std::size_t endpoint) noexcept {
    return counts_[endpoint].failures.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  [[nodiscard]] std::uint32_t row_of(std::size_t endpoint) const noexcept {
    return counts_[endpoint].failures.load(std::memory_order_relaxed);
  }
  /// A new row begins.
  void forget(std::size_t endpoint) noexcept { counts_[endpoint].failures.store(0, std::memory_order_relaxed); }

 private:
  // A line each, so that one that fails does not slow down the others.
  struct alignas(64) count {
    std::atomic<std::uint32_t> failures{0};
  };
  std::unique_ptr<count[]> counts_;
};

}  // namespace shoal
