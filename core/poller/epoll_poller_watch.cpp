// SPDX-License-Identifier: Apache-2.0
// The epoll poller's watches of descriptors that others read and write.
#include <shoal/buffers/check.hpp>
#include <shoal/core/poller/epoll_poller.hpp>

#include <sys/epoll.h>

#include <cerrno>

namespace shoal {
namespace {

constexpr std::uint32_t read_events = EPOLLIN | EPOLLRDHUP;
constexpr std::uint32_t end_events = EPOLLERR | EPOLLHUP;

// What an event carries: generation, place, and the bit that no operator's address has.
constexpr unsigned generation_shift = 32;

}  // namespace

std::error_code epoll_poller::watch(fd_watch& w, bool readable, bool writable) {
  SHOAL_ASSERT(readable || writable);
  auto* place = static_cast<watched*>(w.poller_state_);
  const bool fresh = place == nullptr;
  if (fresh) {
    if (free_watched_.empty()) {
      free_watched_.push_back(&watched_.emplace_back());
      free_watched_.back()->index = static_cast<std::uint32_t>(watched_.size() - 1);
    }
    place = free_watched_.back();
  }
  const std::uint32_t wanted = (readable ? read_events : 0U) | (writable ? std::uint32_t{EPOLLOUT} : 0U);
  epoll_event event{.events = wanted, .data = {}};
  event.data.u64 = (std::uint64_t{place->generation} << generation_shift) | (std::uint64_t{place->index} << 1U) | 1U;
  if (::epoll_ctl(epoll_fd_, fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, w.fd(), &event) != 0) {
    return {errno, std::system_category()};
  }
  place->wanted = wanted;
  if (!fresh) return {};
  free_watched_.pop_back();
  place->by = &w;
  w.poller_state_ = place;
  ++attached_;
  return {};
}

void epoll_poller::unwatch(fd_watch& w) noexcept {
  if (!w.is_watched()) return;
  watched& place = *static_cast<watched*>(w.poller_state_);
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, w.fd(), nullptr);
  w.poller_state_ = nullptr;
  place.by = nullptr;
  ++place.generation;  // events of this batch that still name it are stale now
  free_watched_.push_back(&place);
  --attached_;
}

void epoll_poller::take_watch_event(std::uint64_t name, std::uint32_t events) {
  const watched& place = watched_[static_cast<std::uint32_t>(name) >> 1U];
  if (place.by == nullptr || place.generation != name >> generation_shift) return;
  const bool ended = (events & end_events) != 0;
  const bool readable = (place.wanted & EPOLLIN) != 0 && (ended || (events & read_events) != 0);
  const bool writable = (place.wanted & EPOLLOUT) != 0 && (ended || (events & EPOLLOUT) != 0);
  if (readable || writable) place.by->ready(readable, writable);
}

}  // namespace shoal
