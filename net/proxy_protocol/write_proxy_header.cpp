// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/proxy_protocol/write_proxy_header.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/buffers/endian.hpp>
#include <shoal/net/proxy_protocol/crc32c.hpp>
#include <shoal/net/proxy_protocol/header_bytes.hpp>

#include <arpa/inet.h>

#include <limits>
#include <string>

namespace shoal {
namespace {

/// Fills a span from the front.
class filling {
 public:
  explicit filling(std::span<std::byte> space) noexcept : space_(space) {}

  template <class Bytes>
  void put(const Bytes& bytes) {
    SHOAL_ASSERT(bytes.size() <= space_.size() - used_);
    for (const auto b : bytes) space_[used_++] = static_cast<std::byte>(b);
  }
  template <std::unsigned_integral T>
  void put_number(T value) {
    SHOAL_ASSERT(sizeof(T) <= space_.size() - used_);
    store<std::endian::big>(&space_[used_], value);
    used_ += sizeof(T);
  }
  void put_zeros(std::size_t n) {
    while (n-- > 0) put_number(std::uint8_t{0});
  }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }

 private:
  std::span<std::byte> space_;
  std::size_t used_ = 0;
};

bool says_addresses(const proxy_header& header) {
  return !header.is_local && header.source.is_set() && header.source.family() == header.destination.family();
}

std::string ip_text(const address& a) {
  std::array<char, INET6_ADDRSTRLEN> out{};
  ::inet_ntop(a.family(), a.ip_bytes().data(), out.data(), out.size());
  return out.data();
}

std::string v1_line(const proxy_header& header) {
  std::string line{detail::v1_signature};
  if (!says_addresses(header) || !header.source.is_ip()) return line + "UNKNOWN\r\n";
  line += header.source.family() == AF_INET ? "TCP4 " : "TCP6 ";
  line += ip_text(header.source) + ' ' + ip_text(header.destination) + ' ';
  line += std::to_string(header.source.port()) + ' ' + std::to_string(header.destination.port()) + "\r\n";
  SHOAL_ASSERT(line.size() <= proxy_header::max_v1);
  return line;
}

result<void> write_v1(link_buffer& to, const proxy_header& header) {
  const std::string line = v1_line(header);
  const auto space = to.malloc(line.size());
  if (!space) return fail(space.error());
  filling out{*space};
  out.put(line);
  return {};
}

struct v2_layout {
  std::uint8_t family = detail::v2_unspec;
  std::size_t addresses = 0;
};

v2_layout layout_of(const proxy_header& header) {
  if (!says_addresses(header)) return {};
  switch (header.source.family()) {
    case AF_INET: return {.family = detail::v2_tcp4, .addresses = detail::v2_ipv4_bytes};
    case AF_INET6: return {.family = detail::v2_tcp6, .addresses = detail::v2_ipv6_bytes};
    default: return {.family = detail::v2_unix_stream, .addresses = detail::v2_unix_bytes};
  }
}

void put_unix_name(filling& out, const address& a) {
  const auto name = a.unix_name();
  if (a.is_abstract()) out.put_zeros(1);
  out.put(name);
  out.put_zeros(detail::v2_unix_name - name.size() - (a.is_abstract() ? 1 : 0));
}

void put_addresses(filling& out, const v2_layout& layout, const proxy_header& header) {
  if (layout.family == detail::v2_unix_stream) {
    put_unix_name(out, header.source);
    put_unix_name(out, header.destination);
  } else if (layout.addresses != 0) {
    out.put(header.source.ip_bytes());
    out.put(header.destination.ip_bytes());
    out.put_number(header.source.port());
    out.put_number(header.destination.port());
  }
}

result<void> write_v2(link_buffer& to, const proxy_header& header) {
  const v2_layout layout = layout_of(header);
  const std::size_t checksum = header.has_checksum ? detail::tlv_head + detail::checksum_bytes : 0;
  const std::size_t length = header.is_local ? 0 : layout.addresses + header.tlvs.size() + checksum;
  if (length > std::numeric_limits<std::uint16_t>::max()) return fail(errc::invalid_argument);
  const std::size_t total = detail::v2_fixed + length;
  const auto space = to.malloc(total);
  if (!space) return fail(space.error());
  filling out{*space};
  out.put(detail::v2_signature);
  out.put_number(header.is_local ? detail::v2_local : detail::v2_proxy);
  out.put_number(layout.family);
  out.put_number(static_cast<std::uint16_t>(length));
  if (header.is_local) return {};
  put_addresses(out, layout, header);
  out.put(header.tlvs);
  if (!header.has_checksum) return {};
  out.put_number(static_cast<std::uint8_t>(proxy_tlv::crc32c));
  out.put_number(static_cast<std::uint16_t>(detail::checksum_bytes));
  const std::size_t place = out.used();
  out.put_zeros(detail::checksum_bytes);
  store<std::endian::big>(&(*space)[place], crc32c(*space));
  return {};
}

}  // namespace

result<void> write_proxy_header(link_buffer& to, const proxy_header& header) {
  return header.version == proxy_version::v1 ? write_v1(to, header) : write_v2(to, header);
}

}  // namespace shoal
