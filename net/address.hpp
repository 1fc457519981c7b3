// SPDX-License-Identifier: Apache-2.0
// The address of a socket: IPv4, IPv6 with scope, or a unix socket (path, abstract or unnamed). A value; nothing is
// resolved.
//
// Thread rule: a value like any other; nothing is shared between copies.
//
// Invariants:
//  1. 32 bytes, so that every connection can hold its peer's. Only a unix socket with a name needs memory beside it,
//  and the
//     peers of accepted unix connections almost never have one.
//  2. view() is what the kernel takes, without conversion.
//  3. parse_address(to_string(a)) == a, unless a is unset, unnamed, or a path that starts with @.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/host/socket_name.hpp>

#include <netinet/in.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct sockaddr_un;

namespace shoal {

class address {
 public:
  /// Longest unix path or abstract name, in bytes; the kernel's limit.
  static constexpr std::size_t max_unix_name = 107;

  /// Unset: family AF_UNSPEC, an empty view.
  address() noexcept : name_{.header = {.family = AF_UNSPEC, .name = nullptr}} {}
  address(const address& other);
  address(address&& other) noexcept;
  address& operator=(const address& other);
  address& operator=(address&& other) noexcept;
  ~address();

  /// Bytes in network order, port in host order.
  [[nodiscard]] static address ipv4(std::array<std::uint8_t, 4> bytes, std::uint16_t port) noexcept;
  [[nodiscard]] static address ipv6(std::array<std::uint8_t, 16> bytes, std::uint16_t port,
                                    std::uint32_t scope = 0) noexcept;
  /// `errc::invalid_argument` if the name is empty, longer than max_unix_name, or a path with a NUL inside.
  [[nodiscard]] static result<address> unix_path(std::string_view path);
  [[nodiscard]] static result<address> unix_abstract(std::string_view name);
  /// What accept, getsockname and getpeername gave. `errc::not_supported` for other families, `errc::invalid_argument`
  /// for a size that does not fit.
  [[nodiscard]] static result<address> from_sockaddr(const sockaddr* name, socklen_t size);

  [[nodiscard]] int family() const noexcept { return name_.header.family; }
  [[nodiscard]] bool is_set() const noexcept { return family() != AF_UNSPEC; }
  [[nodiscard]] bool is_ip() const noexcept { return family() == AF_INET || family() == AF_INET6; }
  [[nodiscard]] bool is_unix() const noexcept { return family() == AF_UNIX; }

  /// 0 for what has none.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// The same host with another port. IP only.
  [[nodiscard]] address with_port(std::uint16_t port) const;
  /// 4 or 16 bytes in network order; empty for unix sockets. Lives as long as *this.
  [[nodiscard]] std::span<const std::uint8_t> ip_bytes() const noexcept;
  /// Interface of a link-local IPv6 address, else 0.
  [[nodiscard]] std::uint32_t scope() const noexcept;
  /// Path, or abstract name without its leading NUL; empty for unnamed sockets. Lives as long as *this.
  [[nodiscard]] std::string_view unix_name() const noexcept;
  [[nodiscard]] bool is_abstract() const noexcept;

  /// 127.0.0.0/8, ::1, and 127.0.0.0/8 mapped into IPv6. Unix sockets are not.
  [[nodiscard]] bool is_loopback() const noexcept;
  /// 0.0.0.0 or ::
  [[nodiscard]] bool is_any() const noexcept;

  /// For the kernel. Lives as long as *this and until it is assigned to.
  [[nodiscard]] socket_name_view view() const noexcept;

  friend bool operator==(const address& a, const address& b) noexcept { return (a <=> b) == 0; }
  /// By family, then address, scope and port.
  friend std::strong_ordering operator<=>(const address& a, const address& b) noexcept;

 private:
  /// The family stands first in all of them, so `header` may be asked for it whichever is active.
  struct unix_header {
    sa_family_t family;
    sockaddr_un* name;  // owned; null = unnamed
  };

  [[nodiscard]] bool owns_name() const noexcept { return is_unix() && name_.header.name != nullptr; }
  [[nodiscard]] static address unix_bytes(std::string_view sun_path);
  void take(address& other) noexcept;
  void drop() noexcept;

  union any_name {
    unix_header header;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  any_name name_;
};

// sockaddr_in6 has 28 bytes, the pointer makes it 32.
static_assert(sizeof(address) == 32, "connections hold one each");

/// "127.0.0.1:80", "[::1]:80", "[fe80::1%2]:80", "unix:/run/x.sock", "unix:@name", "unix:" (unnamed), "unknown"
/// (unset).
[[nodiscard]] std::string to_string(const address& a);

/// Reads what to_string writes. A `default_port` allows addresses without one ("127.0.0.1", "::1", "[::1]"). Numbers
/// only, no names; `errc::invalid_argument` for anything else.
[[nodiscard]] result<address> parse_address(std::string_view text, std::optional<std::uint16_t> default_port = {});

/// Why parse_address refuses `text`, and what would be right: "port 70000 is too large (0 to 65535)". Empty if it does
/// not.
[[nodiscard]] std::string address_problem(std::string_view text, std::optional<std::uint16_t> default_port = {});

}  // namespace shoal

template <>
struct std::hash<shoal::address> {
  [[nodiscard]] std::size_t operator()(const shoal::address& a) const noexcept;
};
