// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/proxy_protocol/proxy_header.hpp>

#include <shoal/buffers/endian.hpp>

#include <string>

namespace shoal {
namespace {

constexpr std::size_t tlv_head = 3;

const char* describe(proxy_header_error code) noexcept {
  switch (code) {
    case proxy_header_error::missing: return "the connection begins with something else";
    case proxy_header_error::line_too_long: return "v1: no CRLF within 107 bytes";
    case proxy_header_error::bad_line_end: return "v1: a line feed without a carriage return";
    case proxy_header_error::unknown_protocol: return "v1: the protocol is none of TCP4, TCP6 and UNKNOWN";
    case proxy_header_error::wrong_fields: return "v1: not two addresses and two ports after single spaces";
    case proxy_header_error::bad_address: return "v1: not an address of the family, or one with leading zeros";
    case proxy_header_error::bad_port: return "v1: not a port, or one with leading zeros";
    case proxy_header_error::unknown_version: return "v2: the version is not 2";
    case proxy_header_error::unknown_command: return "v2: the command is neither LOCAL nor PROXY";
    case proxy_header_error::unknown_family: return "v2: no such family and transport";
    case proxy_header_error::too_long: return "v2: longer than 16 KiB";
    case proxy_header_error::addresses_cut_off: return "v2: too short for its addresses";
    case proxy_header_error::bad_name: return "v2: not a name of a unix socket";
    case proxy_header_error::bad_tlvs: return "v2: the lengths of its TLVs do not add up";
    case proxy_header_error::bad_checksum: return "v2: the CRC32c does not match";
  }
  return "unknown error";
}

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "proxy_header"; }
  std::string message(int value) const override { return describe(static_cast<proxy_header_error>(value)); }
};

}  // namespace

const std::error_category& proxy_header_category() noexcept {
  static const category only;  // immutable
  return only;
}

std::optional<std::span<const std::byte>> proxy_header::find_tlv(std::uint8_t type) const noexcept {
  std::span<const std::byte> left = tlvs;
  while (left.size() >= tlv_head) {
    const std::size_t length = load<std::uint16_t, std::endian::big>(&left[1]);
    if (length > left.size() - tlv_head) break;
    if (std::to_integer<std::uint8_t>(left[0]) == type) return left.subspan(tlv_head, length);
    left = left.subspan(tlv_head + length);
  }
  return std::nullopt;
}

}  // namespace shoal
