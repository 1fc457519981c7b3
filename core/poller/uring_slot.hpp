// SPDX-License-Identifier: Apache-2.0
// uring_slot: what the io_uring poller remembers of one operator: what is wanted of it, what the kernel has in hand.
//
// Thread rule: owner shard only.
// Invariants:
//  1. A completion finds its slot by address, so a slot is used again only when `in_flight` is 0: nothing of it will
//     complete any more. That is also what retired() means. (A cancellation that finds nothing is the exception.)
//  2. At most one receive, one send, one accept and one watch are in flight.
//  3. Aligned, so that an address has room for the kind of the operation in its lowest bits.
#pragma once

#include <shoal/buffers/block_ref.hpp>
#include <shoal/core/fd_operator.hpp>
#include <shoal/core/poller/poller.hpp>

#include <boost/intrusive/slist.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

namespace shoal {

struct alignas(64) uring_slot {
  enum : std::uint32_t {
    want_receive = 1U << 0,
    want_send = 1U << 1,
    want_accept = 1U << 2,
    retiring = 1U << 3,
    queued = 1U << 4,
    input_ended = 1U << 5,  // hung_up() was reported
    dead = 1U << 6,         // with an error: nothing can be sent either
    send_failed = 1U << 7,  // so it will be, after the last bytes the peer sent
    large = 1U << 8,        // it receives more at once than blocks are good for: into space of its own
    piles_up = 1U << 9,     // it has bytes that it did not pass on yet, and takes no blocks
    readable = 1U << 10,    // a receive will find something
    connecting = 1U << 11,
    // What the kernel has in hand.
    multishot_armed = 1U << 12,
    space_armed = 1U << 13,  // a receive into lent space; never waits, so it completes within its poll
    look_armed = 1U << 14,   // a poll for what can be read
    send_armed = 1U << 15,
    accept_armed = 1U << 16,
    watch_armed = 1U << 17,  // a poll for errors, while nothing is received
    receive_cancelled = 1U << 18,
    accept_cancelled = 1U << 19,
    all_cancelled = 1U << 20,
    ending = 1U << 21,        // retires, and nothing is in flight any more
    send_blocked = 1U << 22,  // the socket was full: what waits is sent when there is room
    room_armed = 1U << 23,    // a poll for room in the socket, which stays
    receive_armed = multishot_armed | space_armed | look_armed,
  };

  [[nodiscard]] bool is(std::uint32_t any) const noexcept { return (flags & any) != 0; }
  void set(std::uint32_t which) noexcept { flags |= which; }
  void clear(std::uint32_t which) noexcept { flags &= ~which; }

  boost::intrusive::slist_member_hook<> hook;  // the poller's list of work, or of free slots
  fd_operator* op = nullptr;
  std::uint32_t flags = 0;
  std::uint8_t in_flight = 0;
  std::uint8_t full_in_row = 0;   // blocks
  std::uint8_t small_in_row = 0;  // receives into lent space that one block would have held
  std::uint8_t blocks = 0;        // that came in the poll with the number `blocks_in`
  std::uint16_t blocks_in = 0;
  std::uint16_t send_error = 0;                                       // an errno
  std::uint32_t lent = 0;                                             // bytes under the receive
  std::size_t offered = 0;                                            // bytes under the send
  block_ref held;                                                     // the memory of its first piece,
  std::unique_ptr<std::array<block_ref, send_pieces - 1>> more_held;  // and of the others, if there were any
  /// Listeners: accepted by the kernel and not reported yet.
  std::unique_ptr<std::deque<int>> accepted;
};
static_assert(sizeof(uring_slot) == 64, "one cache line an operator");

}  // namespace shoal
