// SPDX-License-Identifier: Apache-2.0
// The io_uring poller's watches of descriptors that others read and write.
#include <shoal/buffers/check.hpp>
#include <shoal/core/poller/uring_entry.hpp>
#include <shoal/core/poller/uring_poller.hpp>

#include <liburing.h>

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace shoal {
namespace {

constexpr std::uint32_t read_events = POLLIN | POLLRDHUP;
constexpr std::uint32_t end_events = POLLERR | POLLHUP;

}  // namespace

std::error_code uring_poller::watch(fd_watch& w, bool readable, bool writable) {
  SHOAL_ASSERT(readable || writable);
  auto* mine = static_cast<uring_watch*>(w.poller_state_);
  if (mine == nullptr) {
    if (free_watches_.empty()) free_watches_.push_back(&watches_.emplace_back());
    mine = free_watches_.back();
    free_watches_.pop_back();
    mine->by = &w;
    w.poller_state_ = mine;
    ++attached_;
  }
  mine->wanted = (readable ? read_events : 0U) | (writable ? std::uint32_t{POLLOUT} : 0U);
  if (mine->armed != mine->wanted) queue(*mine);
  return {};
}

void uring_poller::unwatch(fd_watch& w) noexcept {
  if (!w.is_watched()) return;
  uring_watch& mine = *static_cast<uring_watch*>(std::exchange(w.poller_state_, nullptr));
  mine.by = nullptr;
  mine.wanted = 0;
  if (mine.armed == 0) return release(mine);
  queue(mine);
}

/// At once, and not when the next poll() submits: a shard that waits for this alone would not look before it sleeps.
void uring_poller::release(uring_watch& w) noexcept {
  if (std::exchange(w.queued, false)) std::erase(queued_watches_, &w);
  free_watches_.push_back(&w);
  --attached_;
}

void uring_poller::queue(uring_watch& w) {
  if (std::exchange(w.queued, true)) return;
  queued_watches_.push_back(&w);
}

void uring_poller::submit_watches() {
  if (queued_watches_.empty()) return;
  std::vector<uring_watch*> batch;
  batch.swap(queued_watches_);
  for (uring_watch* w : batch) {
    w->queued = false;
    advance(*w);
  }
}

/// Arms what is wanted; what is armed and wanted no more must be cancelled first.
void uring_poller::advance(uring_watch& w) {
  if (w.armed == 0) {
    io_uring_sqe& sqe = ring_.entry();
    io_uring_prep_poll_add(&sqe, w.by->fd(), w.wanted);
    sqe.user_data = uring_user_data(&w, static_cast<unsigned>(kind::foreign));
    w.armed = w.wanted;
  } else if (w.armed != w.wanted && !w.cancelled) {
    // By name, not by descriptor: that may be closed by now, or somebody else's.
    io_uring_sqe& sqe = ring_.entry();
    io_uring_prep_cancel64(&sqe, uring_user_data(&w, static_cast<unsigned>(kind::foreign)), 0);
    sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe.user_data = uring_user_data(&w, static_cast<unsigned>(kind::cancel_foreign));
    w.cancelled = true;
  }
}

void uring_poller::on_foreign(uring_watch& w, int outcome) {
  ++counters_.events;
  w.armed = 0;
  w.cancelled = false;
  if (w.by == nullptr) return release(w);
  queue(w);
  if (outcome == -ECANCELED) return;
  // An error is for the owner of the descriptor to find.
  const std::uint32_t events = outcome < 0 ? end_events : static_cast<std::uint32_t>(outcome);
  const bool ended = (events & end_events) != 0;
  const bool readable = (w.wanted & POLLIN) != 0 && (ended || (events & read_events) != 0);
  const bool writable = (w.wanted & POLLOUT) != 0 && (ended || (events & POLLOUT) != 0);
  if (readable || writable) w.by->ready(readable, writable);
}

/// It was just being carried out, which it may escape; it is repeated. As for operators, the place may be free by now
/// or somebody else's, of whom another cancellation is at worst one too many.
void uring_poller::on_cancel_foreign_failed(uring_watch& w) {
  if (w.armed == 0 || !w.cancelled) return;
  w.cancelled = false;
  queue(w);
}

}  // namespace shoal
