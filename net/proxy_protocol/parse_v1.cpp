// SPDX-License-Identifier: Apache-2.0
// Version 1, section 2.1: "PROXY TCP4 SOURCE DESTINATION PORT PORT CRLF", 107 bytes at most.
#include <shoal/net/proxy_protocol/header_bytes.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <expected>
#include <optional>

namespace shoal::detail {
namespace {

using text = std::string_view;

/// Up to the next space, which is taken too.
text next_field(text& line) {
  const auto end = std::min(line.find(' '), line.size());
  const text field = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return field;
}

/// 0 to 65535, with no sign and no zero in front.
std::optional<std::uint16_t> port_of(text field) {
  std::uint16_t port = 0;
  const bool is_number = !field.empty() && field.find_first_not_of("0123456789") == text::npos;
  if (!is_number || (field.size() > 1 && field.front() == '0')) return std::nullopt;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), port);
  if (error != std::errc{}) return std::nullopt;
  return port;
}

/// A C string for inet_pton, which would take what stands before a zero byte for all of it.
std::optional<std::array<char, INET6_ADDRSTRLEN>> plain(text field, text allowed) {
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (field.size() >= out.size() || field.find_first_not_of(allowed) != text::npos) return std::nullopt;
  for (std::size_t i = 0; i < field.size(); ++i) out[i] = field[i];
  return out;
}

/// inet_pton takes four decimal numbers without leading zeros, as section 2.1 wants.
std::optional<address> ipv4_of(text field, std::uint16_t port) {
  const auto written = plain(field, "0123456789.");
  std::array<std::uint8_t, 4> bytes{};
  if (!written || ::inet_pton(AF_INET, written->data(), bytes.data()) != 1) return std::nullopt;
  return address::ipv4(bytes, port);
}

/// Also with the last 32 bits in decimal: that is how senders print IPv4 addresses mapped into IPv6.
std::optional<address> ipv6_of(text field, std::uint16_t port) {
  const auto written = plain(field, "0123456789abcdefABCDEF:.");
  std::array<std::uint8_t, 16> bytes{};
  if (!written || ::inet_pton(AF_INET6, written->data(), bytes.data()) != 1) return std::nullopt;
  return address::ipv6(bytes, port);
}

std::expected<proxy_header, proxy_header_error> parse_line(text line) {
  const auto refused = [](proxy_header_error why) { return std::unexpected{why}; };
  proxy_header header{.version = proxy_version::v1};
  const text protocol = next_field(line);
  if (protocol == "UNKNOWN") return header;  // and the rest of the line is to be ignored
  if (protocol != "TCP4" && protocol != "TCP6") return refused(proxy_header_error::unknown_protocol);
  if (std::ranges::count(line, ' ') != 3) return refused(proxy_header_error::wrong_fields);
  const text source = next_field(line);
  const text destination = next_field(line);
  const auto source_port = port_of(next_field(line));
  const auto destination_port = port_of(line);
  if (!source_port || !destination_port) return refused(proxy_header_error::bad_port);
  const auto address_of = protocol == "TCP4" ? ipv4_of : ipv6_of;
  auto from = address_of(source, *source_port);
  auto to = address_of(destination, *destination_port);
  if (!from || !to) return refused(proxy_header_error::bad_address);
  header.source = *std::move(from);
  header.destination = *std::move(to);
  return header;
}

}  // namespace

proxy_header_look look_at_v1(const link_buffer& input) {
  std::array<std::byte, proxy_header::max_v1> scratch;
  const std::size_t here = std::min(input.len(), scratch.size());
  const text bytes = as_text(front(input, here, scratch));
  const text rest = bytes.substr(v1_signature.size());
  const auto end = rest.find("\r\n");
  if (end == text::npos) {
    if (here == scratch.size()) return refuse(proxy_header_error::line_too_long);
    // Whoever ends lines in another way never sends the right end; but after UNKNOWN anything may stand.
    const bool is_unknown = rest.starts_with("UNKNOWN");
    if (!is_unknown && rest.contains('\n')) return refuse(proxy_header_error::bad_line_end);
    return wait_for(here + 1);
  }
  auto header = parse_line(rest.substr(0, end));
  if (!header) return refuse(header.error());
  return {.state = proxy_header_state::complete,
          .length = v1_signature.size() + end + 2,
          .header = *std::move(header),
          .error = {}};
}

}  // namespace shoal::detail
