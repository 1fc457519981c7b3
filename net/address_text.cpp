// SPDX-License-Identifier: Apache-2.0
// Addresses as text, both ways. Each refusal says what is wrong and what would be right.
#include <shoal/net/address.hpp>

#include <arpa/inet.h>

#include <charconv>
#include <expected>
#include <utility>

namespace shoal {
namespace {

constexpr std::string_view examples = "127.0.0.1:80, [::1]:80 or unix:/run/x.sock";

using parsed = std::expected<address, std::string>;

std::unexpected<std::string> refuse(std::string what, std::string_view right) {
  return std::unexpected{std::move(what) + " (" + std::string{right} + ")"};
}

std::string quoted(std::string_view text) { return "\"" + std::string{text} + "\""; }

/// A decimal number and nothing else; no sign, no blanks.
template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::expected<std::uint16_t, std::string> parse_port(std::string_view text) {
  if (text.empty()) return refuse("the port is missing after the colon", "0 to 65535");
  if (text.find_first_not_of("0123456789") != std::string_view::npos) {
    return refuse("port " + quoted(text) + " is not a number", "0 to 65535");
  }
  const auto port = number<std::uint16_t>(text);
  if (!port) return refuse("port " + std::string{text} + " is too large", "0 to 65535");
  return *port;
}

parsed parse_unix(std::string_view name) {
  const bool abstract = name.starts_with('@');
  if (abstract) name.remove_prefix(1);
  if (name.empty()) return refuse("a unix socket needs a name", "unix:/run/x.sock or unix:@name");
  if (name.size() > address::max_unix_name) {
    return refuse("the name of the unix socket has " + std::to_string(name.size()) + " bytes",
                  "at most " + std::to_string(address::max_unix_name));
  }
  auto made = abstract ? address::unix_abstract(name) : address::unix_path(name);
  if (!made) return refuse("the name of the unix socket contains a zero byte", "unix:/run/x.sock");
  return *std::move(made);
}

parsed make_ipv4(std::string_view host, std::uint16_t port) {
  std::array<std::uint8_t, 4> bytes{};
  if (::inet_pton(AF_INET, std::string{host}.c_str(), bytes.data()) == 1) return address::ipv4(bytes, port);
  const auto suffix = ":" + std::to_string(port);
  if (host.empty() || host == "*") {
    return refuse("the host is missing",
                  "0.0.0.0" + suffix + " or [::]" + suffix + " for every address of this machine");
  }
  if (host == "localhost") return refuse("localhost is a name, and names are not resolved here", "127.0.0.1" + suffix);
  if (host.find_first_not_of("0123456789.") == std::string_view::npos) {
    return refuse(quoted(host) + " is not an IPv4 address", "four numbers from 0 to 255, without leading zeros");
  }
  return refuse(quoted(host) + " is not a numeric address, and names are not resolved here", examples);
}

parsed make_ipv6(std::string_view host, std::uint16_t port) {
  std::uint32_t scope = 0;
  auto digits = host;
  if (const auto percent = host.find('%'); percent != std::string_view::npos) {
    const auto number_text = host.substr(percent + 1);
    const auto index = number<std::uint32_t>(number_text);
    if (!index)
      return refuse("scope " + quoted(number_text) + " is not a number",
                    "the interface's index, as `ip link` shows it");
    scope = *index;
    digits = host.substr(0, percent);
  }
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET6, std::string{digits}.c_str(), bytes.data()) == 1) return address::ipv6(bytes, port, scope);
  return refuse(quoted(digits) + " is not an IPv6 address", "like [::1]:80 or [2001:db8::7]:80");
}

parsed parse_bracketed(std::string_view text, std::optional<std::uint16_t> default_port) {
  const auto close = text.find(']');
  if (close == std::string_view::npos) return refuse("the bracket is never closed", "like [::1]:80");
  const auto host = text.substr(1, close - 1);
  const auto rest = text.substr(close + 1);
  if (rest.empty()) {
    if (!default_port) return refuse("the port is missing", std::string{text} + ":80");
    return make_ipv6(host, *default_port);
  }
  if (!rest.starts_with(':')) return refuse(quoted(rest) + " follows the bracket", "like [::1]:80");
  const auto port = parse_port(rest.substr(1));
  if (!port) return std::unexpected{port.error()};
  return make_ipv6(host, *port);
}

parsed parse(std::string_view text, std::optional<std::uint16_t> default_port) {
  if (text.empty()) return refuse("the address is empty", examples);
  if (text.starts_with("unix:")) return parse_unix(text.substr(5));
  if (text.find('\0') != std::string_view::npos) return refuse("the address contains a zero byte", examples);
  if (text.find("://") != std::string_view::npos) {
    return refuse(quoted(text) + " is a URL", "only host and port, like 127.0.0.1:80");
  }
  if (text.starts_with('/')) return refuse("a path alone is not an address", "unix:" + std::string{text});
  if (text.starts_with('[')) return parse_bracketed(text, default_port);
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    if (default_port) return make_ipv4(text, *default_port);
    if (auto host = make_ipv4(text, 80); !host) return host;
    return refuse("the port is missing", std::string{text} + ":80");
  }
  if (text.find(':', colon + 1) != std::string_view::npos) {
    if (default_port) return make_ipv6(text, *default_port);
    return refuse("an IPv6 address stands in brackets, or its end can't be told from the port", "like [::1]:80");
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::unexpected{port.error()};
  return make_ipv4(text.substr(0, colon), *port);
}

}  // namespace

std::string to_string(const address& a) {
  if (!a.is_set()) return "unknown";
  if (a.is_unix()) {
    const std::string name{a.unix_name()};
    if (a.is_abstract()) return "unix:@" + name;
    return (name.starts_with('@') ? "unix:./" : "unix:") + name;  // a file called @x is no abstract name
  }
  std::array<char, INET6_ADDRSTRLEN> host{};
  ::inet_ntop(a.family(), a.ip_bytes().data(), host.data(), host.size());
  const auto port = ":" + std::to_string(a.port());
  if (a.family() == AF_INET) return host.data() + port;
  const auto scope = a.scope() == 0 ? std::string{} : "%" + std::to_string(a.scope());
  return "[" + (host.data() + scope) + "]" + port;
}

result<address> parse_address(std::string_view text, std::optional<std::uint16_t> default_port) {
  auto found = parse(text, default_port);
  if (!found) return fail(errc::invalid_argument);
  return *std::move(found);
}

std::string address_problem(std::string_view text, std::optional<std::uint16_t> default_port) {
  const auto found = parse(text, default_port);
  return found ? std::string{} : found.error();
}

}  // namespace shoal
