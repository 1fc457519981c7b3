// SPDX-License-Identifier: Apache-2.0
// detached_socket: what connection::detach() gives: the descriptor and the bytes that are in neither hand.
//
// Thread rule: owner shard only (the buffers are its blocks). The descriptor itself may go anywhere after release().
// Invariants: owns the descriptor until release(); closes it otherwise.
#pragma once

#include <shoal/buffers/link_buffer.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/net/address.hpp>

#include <utility>

namespace shoal {

class detached_socket {
 public:
  detached_socket(host& machine, int fd, const address& remote, link_buffer unread, link_buffer unsent) noexcept
      : machine_(&machine), fd_(fd), remote_(remote), unread_(std::move(unread)), unsent_(std::move(unsent)) {}
  detached_socket(detached_socket&& other) noexcept
      : machine_(other.machine_),
        fd_(std::exchange(other.fd_, -1)),
        remote_(std::move(other.remote_)),
        unread_(std::move(other.unread_)),
        unsent_(std::move(other.unsent_)) {}
  detached_socket& operator=(detached_socket&& other) noexcept {
    std::swap(machine_, other.machine_);
    std::swap(fd_, other.fd_);
    std::swap(remote_, other.remote_);
    std::swap(unread_, other.unread_);
    std::swap(unsent_, other.unsent_);
    return *this;
  }
  ~detached_socket() {
    if (fd_ >= 0) machine_->close_socket(fd_);
  }

  /// Non-blocking and close-on-exec, watched by no poller.
  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// The descriptor is the caller's from here on.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  [[nodiscard]] const address& remote() const noexcept { return remote_; }
  /// Received, and not consumed by a handler.
  [[nodiscard]] link_buffer& unread() noexcept { return unread_; }
  /// Queued, and not taken by the kernel: to be sent before anything else.
  [[nodiscard]] link_buffer& unsent() noexcept { return unsent_; }

 private:
  host* machine_;
  int fd_;
  address remote_;
  link_buffer unread_;
  link_buffer unsent_;
};

}  // namespace shoal
