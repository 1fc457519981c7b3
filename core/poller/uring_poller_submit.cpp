// SPDX-License-Identifier: Apache-2.0
// The io_uring poller's way out: what is wanted becomes entries of the submission ring.
#include <shoal/buffers/check.hpp>
#include <shoal/core/poller/uring_entry.hpp>
#include <shoal/core/poller/uring_poller.hpp>

#include <liburing.h>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace shoal {

using slot = uring_slot;

namespace {

/// One receive moves no more than this: what a completion can count.
constexpr std::size_t most_per_receive = std::numeric_limits<std::int32_t>::max();
/// Vectored sends put together before they must be submitted; 34 KiB of headers.
constexpr std::size_t headers_at_most = 32;
constexpr int send_flags = MSG_NOSIGNAL | MSG_DONTWAIT;

}  // namespace

void uring_poller::submit() {
  buffers_.refill();
  submit_watches();
  slot_list batch;
  batch.swap(active_);
  while (!batch.empty()) {
    slot& s = batch.front();
    batch.pop_front();
    s.clear(slot::queued);
    advance(s);
  }
}

void uring_poller::advance(uring_slot& s) {
  if (s.is(slot::retiring)) return advance_retirement(s);
  if (s.is(slot::connecting)) return;
  if (s.is(slot::send_failed) && !s.is(slot::want_receive | slot::receive_armed)) return end_failed_send(s);
  const bool sends = s.is(slot::want_send) && !s.is(slot::send_armed | slot::send_blocked);
  if (sends) advance_send(s);
  if (s.is(slot::send_blocked) && !s.is(slot::room_armed | slot::dead)) arm_room(s);
  // A send completes while it is submitted. What is still queued would look like bytes that pile up, so a receive waits
  // for the next poll, which does not block.
  if (sends && s.is(slot::send_armed) && s.is(slot::want_receive) && !s.is(slot::receive_armed)) {
    queue(s);
  } else {
    advance_receive(s);
  }
  if (s.accepted != nullptr) advance_accept(s);
}

/// One entry cancels everything on the descriptor.
void uring_poller::advance_retirement(uring_slot& s) {
  if (s.in_flight == 0) return finish_retirement(s);
  if (s.is(slot::all_cancelled)) return;
  s.set(slot::all_cancelled);
  io_uring_sqe& sqe = cancel_entry(s, kind::cancel_all);
  io_uring_prep_cancel_fd(&sqe, s.op->fd(), IORING_ASYNC_CANCEL_ALL);
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void uring_poller::advance_receive(uring_slot& s) {
  if (s.is(slot::receive_armed)) {
    // A look stays while nothing is wanted: it holds no memory and comes once at most.
    const bool stop_blocks =
        s.is(slot::multishot_armed) && (!s.is(slot::want_receive) || s.is(slot::large | slot::piles_up));
    if ((stop_blocks || s.is(slot::send_failed)) && !s.is(slot::receive_cancelled | slot::space_armed)) {
      s.set(slot::receive_cancelled);
      cancel(s, s.is(slot::multishot_armed) ? kind::block : kind::look);
    }
  } else if (s.is(slot::want_receive)) {
    arm_receive(s);
  } else if (!s.is(slot::watch_armed | slot::dead) && s.accepted == nullptr) {
    // Without a receive nobody would tell of a reset. Errors and hang-ups are reported whatever is asked for.
    s.set(slot::watch_armed);
    io_uring_prep_poll_multishot(&entry(s, kind::watch), s.op->fd(), 0);
  }
}

void uring_poller::arm_receive(uring_slot& s) {
  s.clear(slot::piles_up);
  if (!s.is(slot::large | slot::send_failed) && s.op->takes_blocks() && buffers_.ready()) return arm_blocks(s);
  if (s.is(slot::readable | slot::send_failed)) return arm_space(s);
  s.set(slot::look_armed);
  io_uring_prep_poll_add(&entry(s, kind::look), s.op->fd(), POLLIN | POLLRDHUP);
}

void uring_poller::arm_blocks(uring_slot& s) {
  s.set(slot::multishot_armed);
  s.clear(slot::readable);
  io_uring_sqe& sqe = entry(s, kind::block);
  io_uring_prep_recv_multishot(&sqe, s.op->fd(), nullptr, 0, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = uring_buffers::group;
  // The place of optlen, which liburing 2.3 does not know. Without it the kernel stops after 32 blocks.
  if (ring_.can_limit_receives()) sqe.file_index = blocks_per_poll * uring_buffers::block_bytes;
}

/// A receive that never waits: it is not worth to hold space for a peer that sends nothing.
void uring_poller::arm_space(uring_slot& s) {
  const auto space = s.op->inputs();
  if (space.empty()) {  // asks again by receive() when there is memory
    s.clear(slot::want_receive);
    if (s.is(slot::send_failed)) end_failed_send(s);
    return;
  }
  s.lent = static_cast<std::uint32_t>(std::min(space.size(), most_per_receive));
  s.set(slot::space_armed);
  io_uring_prep_recv(&entry(s, kind::space), s.op->fd(), space.data(), s.lent, MSG_DONTWAIT);
}

void uring_poller::advance_send(uring_slot& s) {
  if (headers_used_ == headers_at_most) {
    ring_.submit();
    forget_submitted();
    if (headers_used_ != 0) return queue(s);
  }
  if (headers_used_ == headers_.size()) headers_.push_back(std::make_unique<send_header>());
  send_header& header = *headers_[headers_used_];
  s.clear(slot::want_send);
  const std::size_t count = s.op->outputs_held(header.pieces, holds_);
  if (count == 0) return;
  if (count == send_pieces) s.set(slot::want_send);  // there may be more
  s.offered = 0;
  for (std::size_t i = 0; i < count; ++i) s.offered += header.pieces[i].iov_len;
  keep_memory(s, count);
  s.set(slot::send_armed);
  ++counters_.sends;
  io_uring_sqe& sqe = entry(s, kind::send);
  if (count == 1) {
    io_uring_prep_send(&sqe, s.op->fd(), header.pieces[0].iov_base, header.pieces[0].iov_len, send_flags);
  } else {
    header.message.msg_iov = header.pieces.data();
    header.message.msg_iovlen = count;
    io_uring_prep_sendmsg(&sqe, s.op->fd(), &header.message, send_flags);
    ++headers_used_;
  }
}

void uring_poller::keep_memory(uring_slot& s, std::size_t pieces) {
  s.held = std::exchange(holds_[0], block_ref{});
  if (pieces == 1) return;
  if (s.more_held == nullptr) s.more_held = std::make_unique<std::array<block_ref, send_pieces - 1>>();
  std::move(holds_.begin() + 1, holds_.begin() + static_cast<std::ptrdiff_t>(pieces), s.more_held->begin());
}

void uring_poller::arm_room(uring_slot& s) {
  s.set(slot::room_armed);
  io_uring_prep_poll_multishot(&entry(s, kind::room), s.op->fd(), POLLOUT);
}

void uring_poller::advance_accept(uring_slot& s) {
  if (s.is(slot::accept_armed)) {
    if (!s.is(slot::want_accept | slot::accept_cancelled)) {
      s.set(slot::accept_cancelled);
      cancel(s, kind::accept);
    }
  } else if (s.is(slot::want_accept) && s.accepted->empty()) {
    s.set(slot::accept_armed);
    io_uring_prep_multishot_accept(&entry(s, kind::accept), s.op->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  }
  if (s.is(slot::want_accept) && !s.accepted->empty() && std::ranges::find(accepting_, &s) == accepting_.end()) {
    accepting_.push_back(&s);
  }
}

/// Completes only when it found nothing: a completion of its own would end a wait for those it cancels.
io_uring_sqe& uring_poller::cancel_entry(uring_slot& s, kind what) {
  io_uring_sqe& sqe = ring_.entry();
  sqe.user_data = uring_user_data(&s, static_cast<unsigned>(what));
  return sqe;
}

void uring_poller::cancel(uring_slot& s, kind what) {
  io_uring_sqe& sqe = cancel_entry(s, kind::cancel);
  io_uring_prep_cancel64(&sqe, uring_user_data(&s, static_cast<unsigned>(what)), 0);
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
}

}  // namespace shoal
