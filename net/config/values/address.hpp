// SPDX-License-Identifier: Apache-2.0
// Addresses as people write them: 127.0.0.1:80 [::1]:80 unix:/run/x.sock fd://3, networks 10.0.0.0/8, names
// db.svc:5432. Nothing is resolved here.
#pragma once

#include <shoal/net/config/error.hpp>

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace shoal::config {

/// Where to listen or to connect. Which of the members counts is said by `what`.
struct socket_address {
  enum class kind : std::uint8_t { ip4, ip6, unix_path, inherited };

  kind what = kind::ip4;
  std::array<std::uint8_t, 16> bytes{};  ///< ip4: the first four; network order
  std::uint16_t port = 0;
  std::string path;  ///< unix_path
  int fd = -1;       ///< inherited

  [[nodiscard]] bool is_ip() const noexcept { return what == kind::ip4 || what == kind::ip6; }
  /// 0.0.0.0 or ::
  [[nodiscard]] bool is_wildcard() const noexcept;
  /// The one spelling of this address: IPv6 compressed and in brackets.
  [[nodiscard]] std::string text() const;

  friend bool operator==(const socket_address&, const socket_address&) = default;
};

/// Where to listen. Port 0 lets the kernel pick one.
[[nodiscard]] std::expected<socket_address, problem> parse_bind(std::string_view text);

/// Where to connect: as above without fd://, without port 0 and without wildcards.
[[nodiscard]] std::expected<socket_address, problem> parse_endpoint(std::string_view text);

/// True if Linux lets only one of the two be listened on: they are equal, or one is the wildcard that covers the other.
/// An IPv6 listener does not take IPv4 connections (IPV6_V6ONLY), so 0.0.0.0:80 and [::]:80 go together.
[[nodiscard]] bool conflict(const socket_address& a, const socket_address& b);

/// A network, `10.0.0.0/8` or `2001:db8::/32`; without a length it is one address.
struct network {
  std::array<std::uint8_t, 16> bytes{};
  bool is_ip6 = false;
  unsigned length = 0;

  [[nodiscard]] std::string text() const;
  friend bool operator==(const network&, const network&) = default;
};
[[nodiscard]] std::expected<network, problem> parse_network(std::string_view text);

/// A name to look up, with its port: db.example.com:5432.
struct host_port {
  std::string host;
  std::uint16_t port = 0;

  [[nodiscard]] std::string text() const;
  friend bool operator==(const host_port&, const host_port&) = default;
};
[[nodiscard]] std::expected<host_port, problem> parse_host_port(std::string_view text);

/// True for what can be the name of a host: labels of letters, digits, `-` and `_`, at most 253 bytes.
[[nodiscard]] bool is_host_name(std::string_view text);

}  // namespace shoal::config
