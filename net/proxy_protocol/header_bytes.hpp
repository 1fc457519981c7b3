// SPDX-License-Identifier: Apache-2.0
// What the two parsers of PROXY headers share: the numbers of the format, and bytes in one piece.
//
// Thread rule: that of the buffer.
#pragma once

#include <shoal/buffers/link_buffer.hpp>
#include <shoal/net/proxy_protocol/parse_proxy_header.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace shoal::detail {

inline constexpr std::string_view v1_signature = "PROXY ";
inline constexpr std::string_view v2_signature{"\r\n\r\n\0\r\nQUIT\n", 12};

// Version 2 (section 2.2).
inline constexpr std::size_t v2_fixed = 16;  // signature, version and command, family and transport, length
inline constexpr std::uint8_t v2_local = 0x20;
inline constexpr std::uint8_t v2_proxy = 0x21;
inline constexpr std::uint8_t v2_unspec = 0x00;
inline constexpr std::uint8_t v2_tcp4 = 0x11;
inline constexpr std::uint8_t v2_udp4 = 0x12;
inline constexpr std::uint8_t v2_tcp6 = 0x21;
inline constexpr std::uint8_t v2_udp6 = 0x22;
inline constexpr std::uint8_t v2_unix_stream = 0x31;
inline constexpr std::uint8_t v2_unix_datagram = 0x32;
inline constexpr std::size_t v2_ipv4_bytes = 12;  // two addresses, two ports
inline constexpr std::size_t v2_ipv6_bytes = 36;
inline constexpr std::size_t v2_unix_bytes = 216;  // two names of 108, padded with zeros
inline constexpr std::size_t v2_unix_name = 108;
inline constexpr std::size_t tlv_head = 3;  // type, length
inline constexpr std::size_t checksum_bytes = 4;
inline constexpr std::size_t max_unique_id = 128;

/// The first n bytes where they lie, or gathered in `scratch` when a block ends between them. n <= len() and
/// scratch.size().
[[nodiscard]] inline std::span<const std::byte> front(const link_buffer& input, std::size_t n,
                                                      std::span<std::byte> scratch) noexcept {
  if (n == 0) return {};
  const std::span<const std::byte> first = *input.pieces().begin();
  if (first.size() >= n) return first.first(n);
  static_cast<void>(input.copy_out(0, scratch.first(n)));
  return scratch.first(n);
}

[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline proxy_header_look refuse(proxy_header_error why) {
  return {.state = proxy_header_state::malformed, .length = 0, .header = {}, .error = why};
}
[[nodiscard]] inline proxy_header_look wait_for(std::size_t bytes) {
  return {.state = proxy_header_state::incomplete, .length = bytes, .header = {}, .error = {}};
}

// By look_at_proxy_header(), once the signature is there.
[[nodiscard]] proxy_header_look look_at_v1(const link_buffer& input);
[[nodiscard]] proxy_header_look look_at_v2(const link_buffer& input);

}  // namespace shoal::detail
