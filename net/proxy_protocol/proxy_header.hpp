// SPDX-License-Identifier: Apache-2.0
// proxy_header: what a proxy says first on a connection: whom it speaks for. Version 1 is a line of text, version 2 is
// binary; the rules are those of haproxy.org/download/2.9/doc/proxy-protocol.txt, its section numbers stand in
// comments.
//
//   PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n
//
// Thread rule: a value.
// Invariant: a header that was read keeps both addresses or none, both of one family.
#pragma once

#include <shoal/net/address.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

namespace shoal {

enum class proxy_version : std::uint8_t { v1 = 1, v2 = 2 };

/// Types of section 2.2 that matter here; all others are passed on as they are.
enum class proxy_tlv : std::uint8_t { alpn = 0x01, authority = 0x02, crc32c = 0x03, noop = 0x04, unique_id = 0x05 };

struct proxy_header {
  /// Longest version 1 header, its CRLF included (2.1).
  static constexpr std::size_t max_v1 = 107;
  /// Longest version 2 header taken, in bytes. The format allows 64 KiB; this is HAProxy's default buffer, the most
  /// that it can say itself, and what a stranger may make us hold until the deadline.
  static constexpr std::size_t max_v2 = std::size_t{16} << 10;

  proxy_version version = proxy_version::v2;
  /// The sender speaks for itself (a health check), so the addresses of the connection itself count.
  bool is_local = false;
  /// Version 2: it carries a checksum: it had a right one, or shall have one.
  bool has_checksum = false;
  /// The client, and the address that it connected to. Unset when the sender did not know, or may not say.
  address source;
  address destination;
  /// Version 2: type, length (big-endian, 16 bits), value, one after the other; without checksum and padding.
  std::vector<std::byte> tlvs;

  /// The value of the first TLV of that type.
  [[nodiscard]] std::optional<std::span<const std::byte>> find_tlv(std::uint8_t type) const noexcept;
};

/// Why a header is refused.
enum class proxy_header_error {
  missing = 1,        ///< the first bytes are no header
  line_too_long,      ///< version 1: no CRLF within 107 bytes
  bad_line_end,       ///< version 1: a line feed alone
  unknown_protocol,   ///< version 1: none of TCP4, TCP6 and UNKNOWN
  wrong_fields,       ///< version 1: not two addresses and two ports, with one space before each
  bad_address,        ///< version 1: no address of this family, or one with leading zeros
  bad_port,           ///< version 1: none from 0 to 65535, or one with leading zeros
  unknown_version,    ///< version 2: the version is another one
  unknown_command,    ///< version 2: neither LOCAL nor PROXY
  unknown_family,     ///< version 2: a family and transport that do not exist
  too_long,           ///< version 2: longer than max_v2
  addresses_cut_off,  ///< version 2: too short for the addresses of its family
  bad_name,           ///< version 2: a name of a unix socket that none can have
  bad_tlvs,           ///< version 2: lengths that do not add up, or not as this type's do
  bad_checksum,       ///< version 2: it was changed on the way
};

[[nodiscard]] const std::error_category& proxy_header_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(proxy_header_error code) noexcept {
  return {static_cast<int>(code), proxy_header_category()};
}

}  // namespace shoal

template <>
struct std::is_error_code_enum<shoal::proxy_header_error> : std::true_type {};
