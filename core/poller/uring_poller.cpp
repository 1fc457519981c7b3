// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/poller/uring_poller.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/core/poller/uring_entry.hpp>

#include <liburing.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace shoal {

using slot = uring_slot;

result<std::unique_ptr<poller>> uring_poller::make(host& machine, std::string_view reason) {
  auto ring = uring_ring::make();
  if (!ring) return fail(ring.error());
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) return fail_errno(errno);
  return std::unique_ptr<poller>{new uring_poller(machine, std::move(*ring), wake_fd, reason)};
}

uring_poller::uring_poller(host& machine, uring_ring ring, int wake_fd, std::string_view reason)
    : machine_(machine), ring_(std::move(ring)), wake_fd_(wake_fd), reason_(reason), buffers_(ring_.raw()) {}

uring_poller::~uring_poller() {
  SHOAL_ASSERT(active_.empty() && attached_ == 0);
  free_.clear();
  ::close(wake_fd_);
}

void uring_poller::release_memory() noexcept {
  SHOAL_ASSERT(attached_ == 0);
  buffers_.release();
}

uring_slot* uring_poller::slot_of(const fd_operator& op) noexcept { return static_cast<slot*>(op.poller_state_); }

uring_slot& uring_poller::take_slot(fd_operator& op) {
  SHOAL_ASSERT(op.poller_state_ == nullptr);
  if (free_.empty()) free_.push_front(slots_.emplace_back());
  slot& s = free_.front();
  free_.pop_front();
  s.op = &op;
  op.poller_state_ = &s;
  return s;
}

void uring_poller::queue(uring_slot& s) {
  if (s.is(slot::queued)) return;
  s.set(slot::queued);
  active_.push_back(s);
}

io_uring_sqe& uring_poller::entry(uring_slot& s, kind what) {
  io_uring_sqe& sqe = ring_.entry();
  sqe.user_data = uring_user_data(&s, static_cast<unsigned>(what));
  ++s.in_flight;
  return sqe;
}

// ---- asks: they note, and the next poll() acts ----

std::error_code uring_poller::attach(fd_operator& op) {
  slot& s = take_slot(op);
  ++attached_;
  queue(s);
  return {};
}

void uring_poller::receive(fd_operator& op, bool on) {
  slot* const s = slot_of(op);
  if (s == nullptr) return;
  if (on) {
    if (s->is(slot::retiring | slot::input_ended)) return;
    s->set(slot::want_receive);
    if (!s->is(slot::receive_armed)) queue(*s);
  } else {
    s->clear(slot::want_receive);
    if (s->is(slot::receive_armed | slot::send_failed)) queue(*s);
  }
}

void uring_poller::send(fd_operator& op) {
  slot* const s = slot_of(op);
  if (s == nullptr || s->is(slot::retiring | slot::dead | slot::send_failed)) return;
  s->set(slot::want_send);
  if (!s->is(slot::send_armed | slot::send_blocked)) queue(*s);
}

void uring_poller::accept(fd_operator& op, bool on) {
  slot* const s = slot_of(op);
  if (s == nullptr || s->is(slot::retiring)) return;
  if (on) {
    if (s->accepted == nullptr) s->accepted = std::make_unique<std::deque<int>>();
    s->set(slot::want_accept);
  } else {
    s->clear(slot::want_accept);
  }
  queue(*s);
}

void uring_poller::connect(fd_operator& op, socket_name_view name) {
  ++counters_.connects;
  slot& s = take_slot(op);
  ++attached_;
  s.set(slot::connecting);
  socket_name& kept = names_.emplace_back(name);
  io_uring_prep_connect(&entry(s, kind::connect), op.fd(), kept.data(), kept.size);
}

void uring_poller::retire(fd_operator& op) {
  slot* s = slot_of(op);
  if (s == nullptr) {  // it was never attached
    s = &take_slot(op);
    ++attached_;
  }
  SHOAL_ASSERT(!s->is(slot::retiring));
  s->clear(slot::want_receive | slot::want_send | slot::want_accept);
  s->set(slot::retiring);
  queue(*s);
}

// ---- the turn ----

void uring_poller::poll(instant deadline, poll_sleeper& sleeper) {
  ++counters_.polls;
  submit();
  wait(deadline, sleeper);
  reap();
}

void uring_poller::wait(instant deadline, poll_sleeper& sleeper) {
  if (!wake_watched_) watch_wake_ups();
  const bool owes = !active_.empty() || !accepting_.empty() || !queued_watches_.empty();
  const instant until = owes ? instant::min() : sleeper.before_block(deadline);
  if (until == instant::min()) {
    ring_.submit_and_look();
  } else if (until == never) {
    ++counters_.waits;
    ring_.submit_and_wait();
  } else {
    ++counters_.waits;
    ring_.submit_and_wait(until - machine_.now());
  }
  forget_submitted();
  sleeper.after_block();
}

void uring_poller::forget_submitted() {
  if (ring_.has_unsubmitted()) return;  // the kernel was short of memory; the next turn submits them
  names_.clear();
  headers_used_ = 0;
}

// ---- wake-ups ----

/// Each write to the eventfd is a completion of its own (edge-triggered), so nobody ever has to read it.
void uring_poller::watch_wake_ups() {
  io_uring_sqe& sqe = ring_.entry();
  io_uring_prep_poll_multishot(&sqe, wake_fd_, POLLIN);
  sqe.user_data = static_cast<unsigned>(kind::wake);
  wake_watched_ = true;
}

void uring_poller::wake() noexcept {
  const std::uint64_t one = 1;
  // The only failure is a counter at its limit, which wakes as well.
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof(one));
}

void uring_poller::wake_from(poller& waker) noexcept {
  auto* const from = dynamic_cast<uring_poller*>(&waker);
  if (from == nullptr || from == this || !from->ring_.can_message()) return wake();
  io_uring_sqe& sqe = from->ring_.entry();
  io_uring_prep_msg_ring(&sqe, ring_.fd(), 0, static_cast<unsigned>(kind::message), 0);
  // Only a failure completes here; then the eventfd does it.
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe.user_data = uring_user_data(this, static_cast<unsigned>(kind::rung));
}

}  // namespace shoal
