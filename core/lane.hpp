// SPDX-License-Identifier: Apache-2.0
// lane: the one-way street from one shard to another, with the replies on the other side of the road.
//
//   A --> B   requests: A produces, B consumes
//   A <-- B   replies:  B produces, A consumes        both bounded by lane_slots
//
// Thread rule: one producer and one consumer per ring, as drawn.
// Invariants:
//  1. A keeps at most lane_slots messages in flight, so the reply ring always has room: replies never wait.
//  2. The last urgent_slots of them are for urgent messages, which their receiver answers at once. So those get through
//     however long the answers to the others take: a stop reaches calls that fill the lane.
//  3. What a producer pushed is visible only after publish(), so a batch costs one release store.
#pragma once

#include <shoal/buffers/check.hpp>
#include <shoal/core/message.hpp>
#include <shoal/core/run_item.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace shoal {

/// Messages of both kinds in flight per lane: two turns' worth of a receiver (256 each), 8 KiB per lane and only for
/// pairs that talk.
inline constexpr std::uint32_t lane_slots = 512;
static_assert(std::has_single_bit(lane_slots), "ring positions wrap at 2^32");
/// Of that, for urgent ones; more wait for each other.
inline constexpr std::uint32_t urgent_slots = 16;
inline constexpr std::uint32_t lane_capacity = lane_slots - urgent_slots;

/// A bounded single-producer single-consumer ring of pointers.
class message_ring {
 public:
  /// Producer: queues; nobody sees it before publish(). There must be room.
  void push(message& m) noexcept {
    SHOAL_ASSERT(write_ - head_.load(std::memory_order_relaxed) < lane_slots);
    slots_[write_++ % lane_slots] = &m;
  }
  [[nodiscard]] std::uint32_t unpublished() const noexcept { return write_ - tail_.load(std::memory_order_relaxed); }
  void publish() noexcept { tail_.store(write_, std::memory_order_release); }

  /// Consumer: the next message or nullptr.
  [[nodiscard]] message* pop() noexcept {
    if (read_ == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (read_ == tail_seen_) return nullptr;
    }
    message* m = slots_[read_++ % lane_slots];
    if (read_ != tail_seen_) __builtin_prefetch(slots_[read_ % lane_slots]);
    head_.store(read_, std::memory_order_release);
    return m;
  }
  [[nodiscard]] bool empty() const noexcept { return read_ == tail_.load(std::memory_order_acquire); }

 private:
  // Producer's line.
  alignas(64) std::atomic<std::uint32_t> tail_{0};
  std::uint32_t write_ = 0;
  // Consumer's line.
  alignas(64) std::atomic<std::uint32_t> head_{0};
  std::uint32_t read_ = 0;
  std::uint32_t tail_seen_ = 0;
  alignas(64) std::array<message*, lane_slots> slots_{};
};

struct lane {
  message_ring requests;
  message_ring replies;
  // The sending shard's own.
  alignas(64) std::uint32_t in_flight = 0;
  run_queue waiting_for_room;  // senders suspended on a full lane, first come first served
  run_queue urgent_waiting;    // the same for urgent messages
  std::uint32_t most_in_flight = 0;
  std::uint64_t sent = 0;
  std::uint64_t batches = 0;  // publishes with requests in them
  std::uint64_t found_full = 0;
};

}  // namespace shoal
