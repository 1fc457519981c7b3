// SPDX-License-Identifier: Apache-2.0
// Where a socket is bound or goes to: host, port, or the name of a unix socket, in a form that can be compared.
//
// Thread rule: plain values.
#pragma once

#include <shoal/core/host/socket_name.hpp>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace shoal::sim {

struct place {
  int family = 0;
  std::string host;        ///< the address's bytes, 4 or 16; a unix socket's path, with its leading NUL if abstract
  std::uint16_t port = 0;  ///< 0 for unix sockets

  friend auto operator<=>(const place&, const place&) = default;

  [[nodiscard]] bool is_any() const noexcept;
  [[nodiscard]] bool is_loopback() const noexcept;
};

[[nodiscard]] place place_of(socket_name_view name);
[[nodiscard]] socket_name name_of(const place& where);
/// "10.0.0.1" or "fd00::1", with port 0. An empty host if it is neither.
[[nodiscard]] place parse_host(std::string_view text);

}  // namespace shoal::sim
