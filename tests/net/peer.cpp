// SPDX-License-Identifier: Apache-2.0
#include <tests/net/peer.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>
#include <vector>

namespace shoal::test {

peer::peer(const address& target, wire on, int receive_buffer) : masked_(on == wire::filtered) {
  fd_ = ::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (receive_buffer != 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  const auto name = target.view();
  if (::connect(fd_, name.data, name.size) == 0) return;
  if (errno != EINPROGRESS || !wait(POLLOUT)) {
    error_ = errno;
    return;
  }
  socklen_t size = sizeof(error_);
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_, &size);
}

bool peer::wait(short events) const {
  pollfd watched{.fd = fd_, .events = events, .revents = 0};
  return ::poll(&watched, 1, static_cast<int>(std::chrono::milliseconds{patience}.count())) == 1;
}

bool peer::send(std::string_view text) {
  std::string encoded{text};
  if (masked_) {
    const auto bytes = std::as_writable_bytes(std::span{encoded});
    out_.apply(bytes, bytes.data());
  }
  std::string_view left{encoded};
  while (!left.empty()) {
    const ssize_t sent = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      left.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN || !wait(POLLOUT)) {
      error_ = errno;  // told once: a later receive sees an end only
      return false;
    }
  }
  return true;
}

std::string peer::receive(std::size_t n) {
  std::string got;
  std::vector<char> room(std::size_t{64} << 10);
  while (got.size() < n && !ended_) {
    const ssize_t count = ::recv(fd_, room.data(), std::min(room.size(), n - got.size()), 0);
    if (count > 0) {
      got.append(room.data(), static_cast<std::size_t>(count));
    } else if (count == 0) {
      ended_ = true;
    } else if (errno != EAGAIN) {
      ended_ = true;
      error_ = errno;
    } else if (!wait(POLLIN)) {
      ended_ = true;
      error_ = ETIMEDOUT;
    }
  }
  if (masked_) {
    const auto bytes = std::as_writable_bytes(std::span{got});
    in_.apply(bytes, bytes.data());
  }
  return got;
}

void peer::finish_writing() { ::shutdown(fd_, SHUT_WR); }

void peer::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close();
}

void peer::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

listening_peer::listening_peer(const std::string& where, int backlog) {
  const auto wanted = parse_address(where);
  if (!wanted) throw std::invalid_argument(where);
  fd_ = ::socket(wanted->family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto name = wanted->view();
  if (::bind(fd_, name.data, name.size) != 0 || ::listen(fd_, backlog) != 0) {
    throw std::system_error(errno, std::system_category(), where);
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &size);
  where_ = *address::from_sockaddr(reinterpret_cast<const sockaddr*>(&bound), size);
}

listening_peer::~listening_peer() { close(); }

void listening_peer::close() {
  if (fd_ < 0) return;
  ::close(std::exchange(fd_, -1));
  if (where_.is_unix() && !where_.is_abstract()) ::unlink(std::string{where_.unix_name()}.c_str());
}

peer listening_peer::accept(wire on) {
  pollfd watched{.fd = fd_, .events = POLLIN, .revents = 0};
  static_cast<void>(::poll(&watched, 1, static_cast<int>(std::chrono::milliseconds{patience}.count())));
  return {::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC), on};
}

}  // namespace shoal::test
