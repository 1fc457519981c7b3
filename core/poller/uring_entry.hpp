// SPDX-License-Identifier: Apache-2.0
// Small steps that the parts of the io_uring poller share. Included by its .cpp files only.
#pragma once

#include <shoal/core/poller/uring_poller.hpp>

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstdint>

namespace shoal {

struct uring_poller::send_header {
  msghdr message{};
  std::array<iovec, send_pieces> pieces;
};

template <class Pointer>
std::uint64_t uring_user_data(Pointer* about, unsigned kind) noexcept {
  return reinterpret_cast<std::uintptr_t>(about) | kind;
}

}  // namespace shoal
