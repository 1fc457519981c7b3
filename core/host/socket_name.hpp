// SPDX-License-Identifier: Apache-2.0
// A socket's name as the kernel spells it: sockaddr bytes with their length. `net/address.hpp` is the face people use;
// core only passes names through.
#pragma once

#include <sys/socket.h>

#include <cstring>
#include <span>

namespace shoal {

/// A borrowed sockaddr. The bytes must outlive the call it is passed to.
struct socket_name_view {
  const sockaddr* data = nullptr;
  socklen_t size = 0;

  [[nodiscard]] int family() const noexcept { return size >= sizeof(sa_family_t) ? data->sa_family : AF_UNSPEC; }
};

/// An owned sockaddr of any family, 128 bytes and a length.
struct socket_name {
  sockaddr_storage storage{};
  socklen_t size = 0;

  socket_name() = default;
  explicit socket_name(socket_name_view view) noexcept : size(view.size) {
    // Not payload: a name of at most 128 bytes.
    std::memcpy(&storage, view.data, view.size);
  }
  [[nodiscard]] sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] socket_name_view view() const noexcept { return {reinterpret_cast<const sockaddr*>(&storage), size}; }
};

}  // namespace shoal
