// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/poller/epoll_poller.hpp>

#include <shoal/buffers/check.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

namespace shoal {
namespace {

// Bits of fd_operator::poller_flags_.
enum : std::uint16_t {
  is_attached = 1U << 0,
  want_receive = 1U << 1,
  want_send = 1U << 2,
  want_accept = 1U << 3,
  readable = 1U << 4,
  writable = 1U << 5,
  hang_up_seen = 1U << 6,  // RDHUP, HUP or ERR: receive to the end even after a short one
  connecting = 1U << 7,
  retiring = 1U << 8,
  queued = 1U << 9,
  input_ended = 1U << 10,  // hung_up() was reported
  dead = 1U << 11,         // with an error: nothing can be sent either
  send_failed = 1U << 12,  // so it will be, after the last bytes the peer sent
};

// Events taken per wait; more wait in the kernel for the next turn.
constexpr std::size_t events_per_wait = 256;

bool owed(std::uint16_t flags) {
  return (flags & (retiring | send_failed)) != 0 || ((flags & want_send) != 0 && (flags & writable) != 0) ||
         ((flags & (want_receive | want_accept)) != 0 && (flags & readable) != 0);
}

std::error_code socket_error(int fd) {
  int value = 0;
  socklen_t size = sizeof(value);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size) != 0) value = errno;
  return {value, std::system_category()};
}

std::error_code last_error() { return {errno, std::system_category()}; }

bool is_again(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

result<std::unique_ptr<poller>> epoll_poller::make(host& machine, std::string_view reason) {
  const int epoll_fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return fail_errno(errno);
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) {
    const int error = errno;
    ::close(epoll_fd);
    return fail_errno(error);
  }
  std::unique_ptr<epoll_poller> made{new epoll_poller(machine, epoll_fd, wake_fd, reason)};
  // Edge-triggered: each write to the eventfd is an edge of its own, so nobody ever has to read it.
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  if (::epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &event) != 0) return fail_errno(errno);
  return made;
}

epoll_poller::epoll_poller(host& machine, int epoll_fd, int wake_fd, std::string_view reason)
    : machine_(machine), epoll_fd_(epoll_fd), wake_fd_(wake_fd), reason_(reason) {}

epoll_poller::~epoll_poller() {
  SHOAL_ASSERT(active_.empty());
  ::close(wake_fd_);
  ::close(epoll_fd_);
}

std::error_code epoll_poller::attach(fd_operator& op) {
  SHOAL_ASSERT((op.poller_flags_ & is_attached) == 0);
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &op}};
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, op.fd(), &event) != 0) return last_error();
  // A fresh socket can be written to; if not, the first send says so and the edge follows.
  op.poller_flags_ |= is_attached | writable;
  ++attached_;
  return {};
}

void epoll_poller::queue_if_owed(fd_operator& op) {
  if ((op.poller_flags_ & queued) != 0 || !owed(op.poller_flags_)) return;
  op.poller_flags_ |= queued;
  active_.push_back(op);
}

void epoll_poller::receive(fd_operator& op, bool on) {
  if (on) {
    if ((op.poller_flags_ & (retiring | input_ended)) != 0) return;
    op.poller_flags_ |= want_receive;
    queue_if_owed(op);
  } else {
    op.poller_flags_ &= static_cast<std::uint16_t>(~want_receive);
  }
}

void epoll_poller::send(fd_operator& op) {
  if ((op.poller_flags_ & (retiring | dead | send_failed)) != 0) return;
  op.poller_flags_ |= want_send;
  queue_if_owed(op);
}

void epoll_poller::accept(fd_operator& op, bool on) {
  if (on) {
    if ((op.poller_flags_ & retiring) != 0) return;
    // Readable until EAGAIN says otherwise: connections may have queued up while accepting was off.
    op.poller_flags_ |= want_accept | readable;
    queue_if_owed(op);
  } else {
    op.poller_flags_ &= static_cast<std::uint16_t>(~want_accept);
  }
}

void epoll_poller::connect(fd_operator& op, socket_name_view name) {
  ++counters_.connects;
  // Register after connect(): an unconnected socket would report a hang-up at once.
  if (::connect(op.fd(), name.data, name.size) != 0 && errno != EINPROGRESS) {
    failed_connects_.push_back({&op, last_error()});
    return;
  }
  op.poller_flags_ |= connecting;
  if (const auto error = attach(op); error) {
    op.poller_flags_ &= static_cast<std::uint16_t>(~connecting);
    failed_connects_.push_back({&op, error});
  }
}

void epoll_poller::retire(fd_operator& op) {
  SHOAL_ASSERT((op.poller_flags_ & retiring) == 0);
  std::erase_if(failed_connects_, [&op](const failure& failed) { return failed.op == &op; });
  std::erase_if(failed_sends_, [&op](const failure& failed) { return failed.op == &op; });
  op.poller_flags_ = static_cast<std::uint16_t>((op.poller_flags_ & (is_attached | queued)) | retiring);
  queue_if_owed(op);
}

void epoll_poller::poll(instant deadline, poll_sleeper& sleeper) {
  ++counters_.polls;
  submit();
  wait(deadline, sleeper);
  reap();
}

/// Everything that leaves: retirements, then one send per operator.
void epoll_poller::submit() {
  report_failed_connects();
  active_list batch;
  batch.swap(active_);
  while (!batch.empty()) {
    fd_operator& op = batch.front();
    batch.pop_front();
    op.poller_flags_ &= static_cast<std::uint16_t>(~queued);
    if ((op.poller_flags_ & retiring) != 0) {
      if ((op.poller_flags_ & is_attached) != 0) {
        ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, op.fd(), nullptr);
        --attached_;
      }
      op.poller_flags_ = 0;
      op.retired();
      continue;
    }
    if ((op.poller_flags_ & want_send) != 0 && (op.poller_flags_ & writable) != 0) send_one(op);
    queue_if_owed(op);
  }
}

void epoll_poller::report_failed_connects() {
  std::vector<failure> failed;
  failed.swap(failed_connects_);
  for (const auto& [op, error] : failed) {
    // The report before may have retired this one: two attempts of one dial.
    if ((op->poller_flags_ & retiring) == 0) op->connected(error);
  }
}

void epoll_poller::wait(instant deadline, poll_sleeper& sleeper) {
  std::array<epoll_event, events_per_wait> events;
  int count = 0;
  const instant until = active_.empty() && failed_connects_.empty() ? sleeper.before_block(deadline) : instant::min();
  if (until == instant::min()) {
    count = ::epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), 0);
  } else if (until == never) {
    ++counters_.waits;
    count = ::epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), -1);
  } else {
    ++counters_.waits;
    const auto left = std::max(until - machine_.now(), duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
    count = ::epoll_pwait2(epoll_fd_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  }
  sleeper.after_block();
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) continue;  // a wake-up: its only purpose was to end the wait
    ++counters_.events;
    if ((event.data.u64 & 1U) != 0) {  // no operator has an odd address
      take_watch_event(event.data.u64, event.events);
      continue;
    }
    take_event(*static_cast<fd_operator*>(event.data.ptr), event.events);
  }
}

void epoll_poller::take_event(fd_operator& op, std::uint32_t events) {
  if ((op.poller_flags_ & retiring) != 0) return;  // by a report of this very batch
  if ((op.poller_flags_ & connecting) != 0) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    finish_connect(op);
    if ((op.poller_flags_ & retiring) != 0) return;
  }
  if ((events & EPOLLOUT) != 0) op.poller_flags_ |= writable;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) op.poller_flags_ |= readable;
  if ((events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) op.poller_flags_ |= hang_up_seen;
  // A reset while receiving is paused must not wait for the resume: both directions are dead.
  if ((events & EPOLLERR) != 0 && (op.poller_flags_ & (want_receive | want_accept | dead | send_failed)) == 0) {
    if (const auto error = socket_error(op.fd()); error) end_input(op, error);
  }
  queue_if_owed(op);
}

void epoll_poller::finish_connect(fd_operator& op) {
  const auto error = socket_error(op.fd());
  op.poller_flags_ &= static_cast<std::uint16_t>(~connecting);
  op.connected(error);
}

/// Everything that arrives: one receive per operator, a budget of accepts per listener.
void epoll_poller::reap() {
  active_list batch;
  batch.swap(active_);
  while (!batch.empty()) {
    fd_operator& op = batch.front();
    batch.pop_front();
    op.poller_flags_ &= static_cast<std::uint16_t>(~queued);
    if ((op.poller_flags_ & readable) != 0) {
      if ((op.poller_flags_ & want_receive) != 0) receive_one(op);
      if ((op.poller_flags_ & want_accept) != 0) accept_some(op);
    }
    if ((op.poller_flags_ & (send_failed | want_receive)) == send_failed) end_input(op, take_failed_send(op));
    queue_if_owed(op);
  }
}

void epoll_poller::receive_one(fd_operator& op) {
  const auto space = op.inputs();
  if (space.empty()) {  // asks again by receive() when there is memory
    op.poller_flags_ &= static_cast<std::uint16_t>(~want_receive);
    return;
  }
  ssize_t count = 0;
  do count = ::recv(op.fd(), space.data(), space.size(), 0);
  while (count < 0 && errno == EINTR);
  const int error = count < 0 ? errno : 0;
  ++counters_.receives;
  const auto filled = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  counters_.received_bytes += filled;
  if (filled < space.size() && (op.poller_flags_ & hang_up_seen) == 0) {
    op.poller_flags_ &= static_cast<std::uint16_t>(~readable);
  }
  op.input_ack(filled);
  if (count > 0 || (op.poller_flags_ & retiring) != 0) return;
  if ((op.poller_flags_ & send_failed) != 0) return end_input(op, take_failed_send(op));
  if (count == 0) return end_input(op, make_error_code(errc::eof));
  if (is_again(error)) {
    op.poller_flags_ &= static_cast<std::uint16_t>(~readable);
  } else {
    end_input(op, {error, std::system_category()});
  }
}

/// The peer may have sent its last bytes before it refused ours (an early answer, then a reset): they come first.
void epoll_poller::fail_send(fd_operator& op, std::error_code error) {
  op.poller_flags_ &= static_cast<std::uint16_t>(~(want_send | writable));
  if ((op.poller_flags_ & want_receive) == 0) return end_input(op, error);
  failed_sends_.push_back({&op, error});
  op.poller_flags_ |= send_failed | readable | hang_up_seen;
}

std::error_code epoll_poller::take_failed_send(fd_operator& op) {
  const auto place = std::ranges::find(failed_sends_, &op, &failure::op);
  const std::error_code error = place->error;
  failed_sends_.erase(place);
  op.poller_flags_ &= static_cast<std::uint16_t>(~send_failed);
  return error;
}

void epoll_poller::end_input(fd_operator& op, std::error_code reason) {
  op.poller_flags_ &= static_cast<std::uint16_t>(~(want_receive | readable));
  op.poller_flags_ |= input_ended;
  if (reason != errc::eof) {
    op.poller_flags_ &= static_cast<std::uint16_t>(~(want_send | writable));
    op.poller_flags_ |= dead;
  }
  op.hung_up(reason);
}

void epoll_poller::send_one(fd_operator& op) {
  std::array<iovec, send_pieces> pieces;
  const std::size_t count = op.outputs(pieces);
  if (count == 0) {
    op.poller_flags_ &= static_cast<std::uint16_t>(~want_send);
    return;
  }
  std::size_t offered = 0;
  for (std::size_t i = 0; i < count; ++i) offered += pieces[i].iov_len;
  ssize_t sent = 0;
  do {
    if (count == 1) {
      sent = ::send(op.fd(), pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = count;
      sent = ::sendmsg(op.fd(), &message, MSG_NOSIGNAL);
    }
  } while (sent < 0 && errno == EINTR);
  ++counters_.sends;
  if (sent < 0 && !is_again(errno)) {
    fail_send(op, last_error());
    return;
  }
  const auto left_for_kernel = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
  counters_.sent_bytes += left_for_kernel;
  if (left_for_kernel < offered) {
    ++counters_.sends_blocked;
    op.poller_flags_ &= static_cast<std::uint16_t>(~writable);
  } else if (count < send_pieces) {
    op.poller_flags_ &= static_cast<std::uint16_t>(~want_send);
  }
  if (left_for_kernel != 0) op.output_ack(left_for_kernel);
}

void epoll_poller::accept_some(fd_operator& op) {
  for (int i = 0; i < accept_budget && (op.poller_flags_ & want_accept) != 0; ++i) {
    socket_name peer;
    peer.size = sizeof(peer.storage);
    const int fd = ::accept4(op.fd(), peer.data(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      ++counters_.accepts;
      op.accepted(fd, peer.view());
      continue;
    }
    const int error = errno;
    // The peer gave up between SYN and accept, or a signal came: the next one may be fine.
    if (error == EINTR || error == ECONNABORTED || error == EPROTO) continue;
    if (is_again(error)) {
      op.poller_flags_ &= static_cast<std::uint16_t>(~readable);
      return;
    }
    ++counters_.accept_errors;
    op.poller_flags_ &= static_cast<std::uint16_t>(~want_accept);
    op.accept_failed({error, std::system_category()});
    return;
  }
}

void epoll_poller::wake() noexcept {
  const std::uint64_t one = 1;
  // The only failure is a counter at its limit, which wakes as well.
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof(one));
}

}  // namespace shoal
