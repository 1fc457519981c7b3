// SPDX-License-Identifier: Apache-2.0
// The way home for slab memory that other threads hold: a stack with many producers and one consumer.
//
// Thread rule: push() from any thread; everything else from the owner, until orphan() was called.
//
// push() is one compare-and-swap, retried only when somebody else pushed in between: it never waits for a thread that
// does not run and allocates nothing, because each entry lives in the memory that goes home.
//
// When the owner dies first it marks the stack as orphaned, in the lowest bit of the head. Returners that see the mark
// also count down; the one that brings home the last entry learns it and frees the slab. Without the mark they touch
// one word only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace shoal::detail {

/// Head of an entry on its way home.
struct returned {
  returned* next;
  std::size_t node_bytes;  ///< 0: a departed slice, else a node of that size
};

class return_stack {
 public:
  /// Any thread. True: the owner is gone and this was the last entry abroad, so the caller takes all and frees the
  /// slab.
  [[nodiscard]] bool push(returned* entry) noexcept {
    std::uintptr_t head = head_.load(std::memory_order_relaxed);
    std::uintptr_t mine = 0;
    do {
      entry->next = reinterpret_cast<returned*>(head & ~orphaned);
      mine = reinterpret_cast<std::uintptr_t>(entry) | (head & orphaned);
    } while (!head_.compare_exchange_weak(head, mine, std::memory_order_release, std::memory_order_relaxed));
    return (head & orphaned) != 0 && missing_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

  [[nodiscard]] bool looks_empty() const noexcept { return head_.load(std::memory_order_relaxed) == 0; }
  /// All entries, last in first.
  [[nodiscard]] returned* take_all() noexcept {
    return reinterpret_cast<returned*>(head_.exchange(0, std::memory_order_acquire) & ~orphaned);
  }

  /// The owner goes. Returns what came home before; then report by still_abroad() how many are left out.
  [[nodiscard]] returned* orphan() noexcept {
    return reinterpret_cast<returned*>(head_.exchange(orphaned, std::memory_order_acq_rel));
  }
  /// True: none is left, the caller frees the slab. Returners may have counted below zero before this call.
  [[nodiscard]] bool still_abroad(std::int64_t count) noexcept {
    return missing_.fetch_add(count, std::memory_order_acq_rel) + count == 0;
  }

 private:
  static constexpr std::uintptr_t orphaned = 1;

  alignas(64) std::atomic<std::uintptr_t> head_{0};
  std::atomic<std::int64_t> missing_{0};
};

}  // namespace shoal::detail
