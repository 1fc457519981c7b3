// SPDX-License-Identifier: Apache-2.0
// The io_uring poller's way in: completions become reports.
#include <shoal/buffers/check.hpp>
#include <shoal/core/poller/uring_entry.hpp>
#include <shoal/core/poller/uring_poller.hpp>

#include <liburing.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace shoal {

using slot = uring_slot;

namespace {

constexpr std::uint64_t kind_bits = 63;

std::error_code system_error(int number) { return {number, std::system_category()}; }

std::error_code socket_error(int fd) {
  int value = 0;
  socklen_t size = sizeof(value);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size) != 0) value = errno;
  return system_error(value);
}

/// Nothing was wrong with the socket: try again.
bool is_passing(int outcome) { return outcome == -ECANCELED || outcome == -EAGAIN || outcome == -EINTR; }

/// What was kept in place for a send.
void drop_memory(slot& s) {
  s.held = block_ref{};
  if (s.more_held == nullptr) return;
  for (block_ref& held : *s.more_held) {
    if (!held) break;
    held = block_ref{};
  }
}

bool has_more(const io_uring_cqe& done) { return (done.flags & IORING_CQE_F_MORE) != 0; }

}  // namespace

void uring_poller::reap() {
  io_uring& ring = ring_.raw();
  // Copied out one by one: a report may need room for an entry and submit, which lets the kernel write more.
  for (unsigned left = io_uring_cq_ready(&ring); left != 0; --left) {
    io_uring_cqe* next = nullptr;
    if (io_uring_peek_cqe(&ring, &next) != 0) break;
    const io_uring_cqe done{.user_data = next->user_data, .res = next->res, .flags = next->flags};
    io_uring_cq_advance(&ring, 1);
    complete(done);
  }
  report_accepted();
  if (!ended_.empty()) finish_retirements();
}

void uring_poller::complete(const io_uring_cqe& done) {
  const auto what = static_cast<kind>(done.user_data & kind_bits);
  auto* const about = reinterpret_cast<void*>(done.user_data & ~kind_bits);
  // Of wake-ups the only purpose was to end the wait.
  if (what == kind::message) return;
  if (what == kind::wake) return void(wake_watched_ = has_more(done));
  if (what == kind::rung) return static_cast<uring_poller*>(about)->wake();  // the message could not be delivered
  if (what == kind::foreign) return on_foreign(*static_cast<uring_watch*>(about), done.res);
  if (what == kind::cancel_foreign) return on_cancel_foreign_failed(*static_cast<uring_watch*>(about));
  slot& s = *static_cast<slot*>(about);
  if (what == kind::cancel || what == kind::cancel_all) return on_cancel_failed(s, what);
  ++counters_.events;
  SHOAL_ASSERT(s.in_flight != 0 && s.op != nullptr);
  if (!has_more(done)) --s.in_flight;
  switch (what) {
    case kind::block: on_block(s, done); break;
    case kind::space: on_space(s, done); break;
    case kind::look:
      s.clear(slot::look_armed | slot::receive_cancelled);
      if (done.res > 0) s.set(slot::readable);
      queue(s);
      break;
    case kind::send: on_send(s, done.res); break;
    case kind::room: on_room(s, done); break;
    case kind::accept: on_accept(s, done); break;
    case kind::connect: on_connect(s, done.res); break;
    case kind::watch: on_watch(s, done); break;
    default: break;
  }
  if (s.is(slot::retiring)) note_end(s);
}

// ---- receiving ----

void uring_poller::on_block(uring_slot& s, const io_uring_cqe& done) {
  block_ref block;
  if ((done.flags & IORING_CQE_F_BUFFER) != 0) {
    const unsigned place = done.flags >> IORING_CQE_BUFFER_SHIFT;
    if (done.res > 0) {
      block = buffers_.take(place);
    } else {
      buffers_.give_back(place);
    }
  }
  if (!has_more(done)) {
    s.clear(slot::multishot_armed | slot::receive_cancelled);
    queue(s);
  }
  if (done.res > 0) {
    const auto received = static_cast<std::size_t>(done.res);
    ++counters_.receives;
    counters_.received_bytes += received;
    judge_size(s, received);
    s.op->input_block(std::move(block), received);
    return;
  }
  if (done.res == -ENOBUFS) {
    ++counters_.buffers_exhausted;
    buffers_.grow();
    return;
  }
  if (s.is(slot::retiring) || is_passing(done.res)) return;
  if (s.is(slot::send_failed)) return end_failed_send(s);
  end_input(s, done.res == 0 ? make_error_code(errc::eof) : system_error(-done.res));
}

/// Whether blocks are still good enough for this operator.
void uring_poller::judge_size(uring_slot& s, std::size_t received) {
  const auto now = static_cast<std::uint16_t>(counters_.polls);
  if (s.blocks_in != now) {
    s.blocks_in = now;
    s.blocks = 0;
  }
  if (s.blocks == 0 && !s.op->takes_blocks()) {
    s.set(slot::piles_up);
    queue(s);
  }
  if (s.blocks != UINT8_MAX) ++s.blocks;
  s.full_in_row = received == uring_buffers::block_bytes ? static_cast<std::uint8_t>(s.full_in_row + 1) : 0;
  if (s.is(slot::large) || (s.full_in_row < 2 && s.blocks < blocks_per_poll)) return;
  s.set(slot::large | slot::readable);
  s.full_in_row = s.small_in_row = 0;
  queue(s);
}

void uring_poller::on_space(uring_slot& s, const io_uring_cqe& done) {
  s.clear(slot::space_armed | slot::readable);
  const auto filled = static_cast<std::size_t>(std::max(done.res, 0));
  ++counters_.receives;
  counters_.received_bytes += filled;
  if (filled != 0) {
    // Without either there may be more as well: a look tells.
    if (filled == s.lent || (done.flags & IORING_CQE_F_SOCK_NONEMPTY) != 0) s.set(slot::readable);
    s.small_in_row = filled <= uring_buffers::block_bytes ? static_cast<std::uint8_t>(s.small_in_row + 1) : 0;
    if (s.small_in_row >= 2) {
      s.clear(slot::large);
      s.small_in_row = s.full_in_row = 0;
    }
  }
  queue(s);
  s.op->input_ack(filled);
  if (filled != 0 || s.is(slot::retiring)) return;
  if (s.is(slot::send_failed)) return end_failed_send(s);
  if (is_passing(done.res)) return;
  end_input(s, done.res == 0 ? make_error_code(errc::eof) : system_error(-done.res));
}

void uring_poller::end_input(uring_slot& s, std::error_code reason) {
  if (s.is(slot::dead)) return;
  s.clear(slot::want_receive | slot::readable);
  s.set(slot::input_ended);
  if (reason != errc::eof) {
    s.clear(slot::want_send);
    s.set(slot::dead);
  }
  queue(s);
  s.op->hung_up(reason);
}

/// The peer's last bytes have been received, or nobody wants them.
void uring_poller::end_failed_send(uring_slot& s) {
  s.clear(slot::send_failed);
  end_input(s, system_error(std::exchange(s.send_error, std::uint16_t{0})));
}

// ---- sending ----

void uring_poller::on_send(uring_slot& s, int outcome) {
  s.clear(slot::send_armed);
  drop_memory(s);
  if (outcome < 0 && !is_passing(outcome)) {
    s.clear(slot::want_send);
    if (s.is(slot::retiring | slot::dead)) return;
    // The peer may have sent its last bytes before it refused ours (an early answer, then a reset): they come first.
    if (!s.is(slot::want_receive)) return end_input(s, system_error(-outcome));
    s.send_error = static_cast<std::uint16_t>(-outcome);
    s.set(slot::send_failed);
    return queue(s);
  }
  const auto sent = static_cast<std::size_t>(std::max(outcome, 0));
  counters_.sent_bytes += sent;
  if (sent < s.offered && !s.is(slot::retiring | slot::dead)) {
    s.set(slot::want_send);
    if (outcome != -EINTR) {
      ++counters_.sends_blocked;
      s.set(slot::send_blocked);
    }
  }
  const bool waits = s.is(slot::send_blocked) && s.is(slot::room_armed);
  if (s.is(slot::want_send) && !waits) queue(s);
  if (sent != 0) s.op->output_ack(sent);
}

/// It tells of a peer's end and of errors as well; a send finds out about those.
void uring_poller::on_room(uring_slot& s, const io_uring_cqe& done) {
  if (!has_more(done)) s.clear(slot::room_armed);
  if (!s.is(slot::send_blocked)) return;
  if (has_more(done) && (done.res & (POLLOUT | POLLERR | POLLHUP)) == 0) return;
  s.clear(slot::send_blocked);
  if (s.is(slot::want_send)) queue(s);
}

// ---- listeners, dials, errors ----

void uring_poller::on_accept(uring_slot& s, const io_uring_cqe& done) {
  if (!has_more(done)) {
    s.clear(slot::accept_armed | slot::accept_cancelled);
    queue(s);
  }
  if (done.res >= 0) {
    s.accepted->push_back(done.res);
    if (s.is(slot::want_accept)) queue(s);
    if (s.is(slot::want_accept) && std::ranges::find(accepting_, &s) == accepting_.end()) accepting_.push_back(&s);
    return;
  }
  // The peer gave up between SYN and accept, or it was cancelled: the next one may be fine.
  const int error = -done.res;
  if (is_passing(done.res) || error == ECONNABORTED || error == EPROTO || !s.is(slot::want_accept)) return;
  ++counters_.accept_errors;
  s.clear(slot::want_accept);
  s.op->accept_failed(system_error(error));
}

/// A multishot accept tells no names and knows no budget; here are both.
void uring_poller::report_accepted() {
  std::vector<slot*> listeners;
  listeners.swap(accepting_);
  for (slot* s : listeners) {
    for (int i = 0; i < accept_budget && s->is(slot::want_accept) && !s->accepted->empty(); ++i) {
      const int fd = s->accepted->front();
      s->accepted->pop_front();
      socket_name peer;
      peer.size = sizeof(peer.storage);
      if (::getpeername(fd, peer.data(), &peer.size) != 0) {  // it has gone again
        ::close(fd);
        continue;
      }
      ++counters_.accepts;
      s->op->accepted(fd, peer.view());
    }
    if (s->is(slot::want_accept)) s->accepted->empty() ? queue(*s) : accepting_.push_back(s);
  }
}

void uring_poller::on_connect(uring_slot& s, int outcome) {
  s.clear(slot::connecting);
  if (s.is(slot::retiring)) return;
  queue(s);
  if (outcome < 0) s.set(slot::dead);
  s.op->connected(outcome < 0 ? system_error(-outcome) : std::error_code{});
}

void uring_poller::on_watch(uring_slot& s, const io_uring_cqe& done) {
  if (!has_more(done)) s.clear(slot::watch_armed);
  if (done.res < 0 || (done.res & (POLLERR | POLLHUP)) == 0) return;
  if (s.is(slot::retiring | slot::want_receive | slot::receive_armed | slot::dead | slot::send_failed)) return;
  if (const auto error = socket_error(s.op->fd()); error) end_input(s, error);
}

// ---- ends ----

/// What was just being carried out may escape a cancellation; then it is repeated. This completion comes last of its
/// batch and is not counted as in flight: the slot may be free by now, or somebody else's, whose flags say no.
void uring_poller::on_cancel_failed(uring_slot& s, kind what) {
  const std::uint32_t flags =
      what == kind::cancel ? slot::receive_cancelled | slot::accept_cancelled : std::uint32_t{slot::all_cancelled};
  if (!s.is(flags)) return;
  s.clear(flags);
  queue(s);
}

/// A completion of one that retires: the last, or one of several, of which the others may have escaped.
void uring_poller::note_end(uring_slot& s) {
  if (s.in_flight != 0) {
    s.clear(slot::all_cancelled);
    return queue(s);
  }
  if (s.is(slot::ending)) return;
  s.set(slot::ending);
  ended_.push_back(&s);
}

void uring_poller::finish_retirements() {
  active_.remove_if([](const slot& s) { return s.is(slot::ending); });
  std::vector<slot*> batch;
  batch.swap(ended_);
  for (slot* s : batch) finish_retirement(*s);
}

void uring_poller::finish_retirement(uring_slot& s) {
  std::erase(accepting_, &s);
  if (s.accepted != nullptr) {
    // Connections nobody will hear of: as if they had still stood in the listener's queue.
    for (const int fd : *s.accepted) ::close(fd);
    s.accepted.reset();
  }
  fd_operator& op = *std::exchange(s.op, nullptr);
  op.poller_state_ = nullptr;
  s.flags = 0;
  s.full_in_row = s.small_in_row = 0;
  free_.push_front(s);
  --attached_;
  op.retired();
}

}  // namespace shoal
