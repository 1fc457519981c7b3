// SPDX-License-Identifier: Apache-2.0
// What a peer does the same way on real and on simulated sockets: it moves, and it reads to the end.
#include <tests/net/peer.hpp>

#include <utility>

namespace shoal::test {

peer::peer(peer&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      error_(other.error_),
      ended_(other.ended_),
      masked_(other.masked_),
      out_(other.out_),
      in_(other.in_) {}

peer& peer::operator=(peer&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    error_ = other.error_;
    ended_ = other.ended_;
    masked_ = other.masked_;
    out_ = other.out_;
    in_ = other.in_;
  }
  return *this;
}

std::string peer::receive_all() { return receive(std::string::npos); }

int peer::wait_for_end() {
  while (!ended_) static_cast<void>(receive(std::size_t{1} << 20));
  return error_;
}

}  // namespace shoal::test
