// SPDX-License-Identifier: Apache-2.0
// Version 2, section 2.2: signature, version and command, family and transport, length; addresses; TLVs.
#include <shoal/buffers/endian.hpp>
#include <shoal/net/proxy_protocol/crc32c.hpp>
#include <shoal/net/proxy_protocol/header_bytes.hpp>

#include <optional>
#include <vector>

namespace shoal::detail {
namespace {

using bytes = std::span<const std::byte>;

std::uint8_t u8(std::byte b) { return std::to_integer<std::uint8_t>(b); }
std::uint16_t u16(bytes at) { return load<std::uint16_t, std::endian::big>(at.data()); }

/// The size of the addresses of the combinations that exist; nothing for the others, "and must be rejected".
std::optional<std::size_t> address_bytes(std::uint8_t family) {
  switch (family) {
    case v2_unspec: return 0;
    case v2_tcp4:
    case v2_udp4: return v2_ipv4_bytes;
    case v2_tcp6:
    case v2_udp6: return v2_ipv6_bytes;
    case v2_unix_stream:
    case v2_unix_datagram: return v2_unix_bytes;
    default: return std::nullopt;
  }
}

template <std::size_t N>
std::array<std::uint8_t, N> ip_at(bytes from) {
  std::array<std::uint8_t, N> out;
  for (std::size_t i = 0; i < N; ++i) out[i] = u8(from[i]);
  return out;
}

/// A path ends at its first zero, an abstract name begins with one and ends before the padding; all zeros: unnamed.
result<address> unix_at(bytes name) {
  std::string_view all = as_text(name);
  const auto last = all.find_last_not_of('\0');
  if (last == std::string_view::npos) {
    constexpr sockaddr unnamed{.sa_family = AF_UNIX, .sa_data = {}};
    return address::from_sockaddr(&unnamed, sizeof(sa_family_t));
  }
  all = all.substr(0, last + 1);
  if (all.front() == '\0') return address::unix_abstract(all.substr(1));
  return address::unix_path(all.substr(0, all.find('\0')));
}

/// False: a name that no unix socket can have.
bool read_addresses(std::uint8_t family, bytes from, proxy_header& to) {
  if (family == v2_tcp4) {
    to.source = address::ipv4(ip_at<4>(from), u16(from.subspan(8)));
    to.destination = address::ipv4(ip_at<4>(from.subspan(4)), u16(from.subspan(10)));
  } else if (family == v2_tcp6) {
    to.source = address::ipv6(ip_at<16>(from), u16(from.subspan(32)));
    to.destination = address::ipv6(ip_at<16>(from.subspan(16)), u16(from.subspan(34)));
  } else if (family == v2_unix_stream) {
    auto source = unix_at(from.first(v2_unix_name));
    auto destination = unix_at(from.subspan(v2_unix_name, v2_unix_name));
    if (!source || !destination) return false;
    to.source = *std::move(source);
    to.destination = *std::move(destination);
  }
  // Datagrams do not come by connections: as if the family was unknown, as the section allows.
  return true;
}

/// Of the whole header, with zeros in the place of the checksum.
std::uint32_t checksum_of(bytes all, std::size_t place) {
  constexpr std::array<std::byte, checksum_bytes> zeros{};
  return crc32c(all.subspan(place + checksum_bytes), crc32c(zeros, crc32c(all.first(place))));
}

/// From offset `at` to the end, which they must fill. Nothing: all is well.
std::optional<proxy_header_error> read_tlvs(bytes all, std::size_t at, proxy_header& to) {
  while (at < all.size()) {
    if (all.size() - at < tlv_head) return proxy_header_error::bad_tlvs;
    const std::size_t length = u16(all.subspan(at + 1));
    if (length > all.size() - at - tlv_head) return proxy_header_error::bad_tlvs;
    const bytes whole = all.subspan(at, tlv_head + length);
    const auto type = static_cast<proxy_tlv>(u8(whole[0]));
    if (type == proxy_tlv::crc32c) {
      if (length != checksum_bytes || to.has_checksum) return proxy_header_error::bad_tlvs;
      const auto said = load<std::uint32_t, std::endian::big>(whole.data() + tlv_head);
      if (said != checksum_of(all, at + tlv_head)) return proxy_header_error::bad_checksum;
      to.has_checksum = true;
    } else if (type == proxy_tlv::unique_id && length > max_unique_id) {
      return proxy_header_error::bad_tlvs;
    } else if (type != proxy_tlv::noop) {
      to.tlvs.insert(to.tlvs.end(), whole.begin(), whole.end());
    }
    at += whole.size();
  }
  return std::nullopt;
}

proxy_header_look parse(bytes all) {
  proxy_header_look out{.state = proxy_header_state::complete, .length = all.size(), .header = {}, .error = {}};
  proxy_header& header = out.header;
  header.is_local = u8(all[12]) == v2_local;
  if (header.is_local) return out;  // "must discard the protocol block including the family"
  const std::uint8_t family = u8(all[13]);
  const std::size_t skip = v2_fixed + address_bytes(family).value_or(0);
  if (!read_addresses(family, all.subspan(v2_fixed), header)) return refuse(proxy_header_error::bad_name);
  if (const auto wrong = read_tlvs(all, skip, header); wrong) {
    // An unknown family may have addresses of a size that we can't know. They are to be ignored.
    if (family != v2_unspec || *wrong != proxy_header_error::bad_tlvs) return refuse(*wrong);
    header.tlvs.clear();
    header.has_checksum = false;
  }
  return out;
}

}  // namespace

proxy_header_look look_at_v2(const link_buffer& input) {
  if (input.len() < v2_fixed) return wait_for(v2_fixed);
  std::array<std::byte, v2_fixed> fixed_scratch;
  const bytes fixed = front(input, v2_fixed, fixed_scratch);
  const std::uint8_t command = u8(fixed[12]);
  if ((command & 0xF0U) != (v2_proxy & 0xF0U)) return refuse(proxy_header_error::unknown_version);
  if (command != v2_local && command != v2_proxy) return refuse(proxy_header_error::unknown_command);
  const std::size_t length = u16(fixed.subspan(14));
  if (v2_fixed + length > proxy_header::max_v2) return refuse(proxy_header_error::too_long);
  if (command == v2_proxy) {
    const auto least = address_bytes(u8(fixed[13]));
    if (!least) return refuse(proxy_header_error::unknown_family);
    if (length < *least) return refuse(proxy_header_error::addresses_cut_off);
  }
  const std::size_t total = v2_fixed + length;
  if (input.len() < total) return wait_for(total);
  if (const bytes first = *input.pieces().begin(); first.size() >= total) return parse(first.first(total));
  std::vector<std::byte> gathered(total);
  return parse(front(input, total, gathered));
}

}  // namespace shoal::detail
