// SPDX-License-Identifier: Apache-2.0
// open_counts: how many open connections a server has on each shard.
//
// Thread rule: any shard; relaxed, each count in a cache line of its own.
// Invariant: a connection counts where it is served or on its way to be, from the moment it was accepted: so a burst
//   spreads although its connections have not arrived yet.
#pragma once

#include <shoal/buffers/check.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace shoal {

class open_counts {
 public:
  /// All zero. While no shard runs.
  void reset(std::size_t shards) {
    counts_ = std::make_unique<count[]>(shards);
    shards_ = shards;
  }
  [[nodiscard]] std::size_t shards() const noexcept { return shards_; }
  [[nodiscard]] std::uint64_t on(shard_id where) const noexcept {
    return where < shards_ ? counts_[where].open.load(std::memory_order_relaxed) : 0;
  }

  void opened(shard_id where) noexcept { at(where).fetch_add(1, std::memory_order_relaxed); }
  void closed(shard_id where) noexcept { at(where).fetch_sub(1, std::memory_order_relaxed); }
  void moved(shard_id from, shard_id to) noexcept {
    opened(to);
    closed(from);
  }

 private:
  struct alignas(64) count {
    std::atomic<std::uint64_t> open{0};
  };
  [[nodiscard]] std::atomic<std::uint64_t>& at(shard_id where) noexcept {
    SHOAL_ASSERT(where < shards_);
    return counts_[where].open;
  }

  std::unique_ptr<count[]> counts_;
  std::size_t shards_ = 0;
};

}  // namespace shoal
