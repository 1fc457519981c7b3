// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/values/address.hpp>

#include <shoal/net/config/values/number.hpp>

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <utility>

namespace shoal::config {
namespace {

// sockaddr_un::sun_path holds 108 bytes with the terminator.
constexpr std::size_t longest_unix_path = 107;
constexpr std::size_t longest_host_name = 253;
constexpr std::size_t longest_label = 63;
constexpr int highest_fd = 1 << 20;
constexpr std::string_view bind_examples = "write `127.0.0.1:8080`, `[::1]:8080` or `unix:/run/x.sock`";

std::unexpected<problem> wrong(std::string message, std::string_view hint) {
  return std::unexpected(problem{std::move(message), std::string(hint)});
}

// IPv4 fills the first four bytes. What isn't an address changes none.
bool parse_ip(int family, std::string_view text, std::array<std::uint8_t, 16>& bytes) {
  if (text.find('\0') != std::string_view::npos) return false;
  return inet_pton(family, std::string(text).c_str(), bytes.data()) == 1;
}

std::string format_ip(bool is_ip6, const std::array<std::uint8_t, 16>& bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(is_ip6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return text;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::expected<std::uint16_t, problem> parse_port(std::string_view text, std::string_view whole) {
  if (!is_digits(text)) return wrong(fmt::format("{} has no port", in_quotes(whole)), bind_examples);
  const auto port = parse_number(text, 0, 65535);
  if (!port) return wrong(fmt::format("there is no port {}", text.substr(0, 16)), "ports go from 0 to 65535");
  return static_cast<std::uint16_t>(*port);
}

// A host and its port, taken apart at the last colon; IPv6 is recognised by its brackets.
struct split_address {
  std::string_view host;
  std::string_view port;
};
split_address split(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {.host = text, .port = {}};
  return {.host = text.substr(0, colon), .port = text.substr(colon + 1)};
}

std::expected<socket_address, problem> parse_unix(std::string_view path, std::string_view whole) {
  if (path.empty()) return wrong(fmt::format("{} has no path", in_quotes(whole)), "write `unix:/run/x.sock`");
  if (path.size() > longest_unix_path) {
    return wrong(fmt::format("a path of {} bytes is too long for a socket", path.size()),
                 fmt::format("at most {} bytes", longest_unix_path));
  }
  if (path.find('\0') != std::string_view::npos) return wrong("a zero byte in a path", "remove it");
  return socket_address{.what = socket_address::kind::unix_path, .path = std::string(path)};
}

std::expected<socket_address, problem> parse_inherited(std::string_view number) {
  const auto fd = parse_number(number, 0, highest_fd);
  if (!fd) return wrong(fmt::format("{} is no file descriptor", in_quotes(number)), "write `fd://3`");
  return socket_address{.what = socket_address::kind::inherited, .fd = static_cast<int>(*fd)};
}

std::expected<socket_address, problem> parse_ip6(std::string_view text) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) return wrong(fmt::format("{} has no `]`", in_quotes(text)), bind_examples);
  socket_address address{.what = socket_address::kind::ip6};
  if (!parse_ip(AF_INET6, text.substr(1, end - 1), address.bytes)) {
    return wrong(fmt::format("{} is not an IPv6 address", in_quotes(text.substr(1, end - 1))), "write `[::1]:8080`");
  }
  const std::string_view rest = text.substr(end + 1);
  if (!rest.starts_with(':')) return wrong(fmt::format("{} has no port", in_quotes(text)), bind_examples);
  const auto port = parse_port(rest.substr(1), text);
  if (!port) return std::unexpected(port.error());
  address.port = *port;
  return address;
}

std::expected<socket_address, problem> parse_ip4(std::string_view text) {
  const auto [host, port_text] = split(text);
  socket_address address{.what = socket_address::kind::ip4};
  if (!parse_ip(AF_INET, host, address.bytes)) {
    return wrong(fmt::format("{} is not an IP address", in_quotes(host)), bind_examples);
  }
  const auto port = parse_port(port_text, text);
  if (!port) return std::unexpected(port.error());
  address.port = *port;
  return address;
}

// Spellings of other programs, told apart so that the hint can show what was meant.
std::optional<problem> foreign_spelling(std::string_view text) {
  const auto [host, port] = split(text);
  if (text.empty()) return problem{"an empty address", std::string(bind_examples)};
  if (is_digits(text)) {
    return problem{fmt::format("{} has no host", in_quotes(text)),
                   fmt::format("write `0.0.0.0:{0}`, or `127.0.0.1:{0}` for this machine only", text)};
  }
  if (text.contains("://")) {
    const std::string_view rest = text.substr(text.find("://") + 3);
    return problem{fmt::format("{} is a URL", in_quotes(text)),
                   fmt::format("write the address only: `{}`", rest.substr(0, rest.find('/')))};
  }
  if (text.starts_with('/')) {
    return problem{fmt::format("{} is a path", in_quotes(text)), fmt::format("write `unix:{}`", text)};
  }
  std::array<std::uint8_t, 16> ip6{};
  if (!text.starts_with('[') && (parse_ip(AF_INET6, text, ip6) || (parse_ip(AF_INET6, host, ip6) && is_digits(port)))) {
    const bool has_port = text.find("::") != std::string_view::npos && is_digits(port) && parse_ip(AF_INET6, host, ip6);
    return problem{fmt::format("{} is IPv6 without brackets", in_quotes(text)),
                   has_port ? fmt::format("write `[{}]:{}`", host, port) : fmt::format("write `[{}]:8080`", text)};
  }
  return std::nullopt;
}

}  // namespace

bool socket_address::is_wildcard() const noexcept {
  return is_ip() && std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

std::string socket_address::text() const {
  switch (what) {
    case kind::ip4: return fmt::format("{}:{}", format_ip(false, bytes), port);
    case kind::ip6: return fmt::format("[{}]:{}", format_ip(true, bytes), port);
    case kind::unix_path: return "unix:" + path;
    case kind::inherited: return fmt::format("fd://{}", fd);
  }
  return {};
}

std::expected<socket_address, problem> parse_bind(std::string_view text) {
  if (text.starts_with("unix:")) return parse_unix(text.substr(5), text);
  if (text.starts_with("fd://")) return parse_inherited(text.substr(5));
  if (auto foreign = foreign_spelling(text)) return std::unexpected(*std::move(foreign));
  if (text.starts_with('[')) return parse_ip6(text);
  const auto [host, port] = split(text);
  if (host.empty() || host == "*") {
    return wrong(fmt::format("{} has no host", in_quotes(text)),
                 fmt::format("write `0.0.0.0:{0}`, or `[::]:{0}` for IPv6", port));
  }
  if (!port.empty() && host == "localhost") {
    return wrong(fmt::format("{} is a name, not an address", in_quotes(text)),
                 fmt::format("write `127.0.0.1:{}`", port));
  }
  return parse_ip4(text);
}

std::expected<socket_address, problem> parse_endpoint(std::string_view text) {
  const auto [host, port] = split(text);
  std::array<std::uint8_t, 16> ip4{};
  if (is_digits(port) && is_host_name(host) && !parse_ip(AF_INET, host, ip4) && !is_digits(host)) {
    const std::string_view local = host == "localhost" ? "write `127.0.0.1:{0}`, or `{{ dns: \"{1}\" }}`"
                                                       : "write `{{ dns: \"{1}\" }}` to look it up";
    return wrong(fmt::format("{} is a name, not an address", in_quotes(text)),
                 fmt::format(fmt::runtime(local), port, text));
  }
  auto address = parse_bind(text);
  if (!address) return address;
  if (address->what == socket_address::kind::inherited) {
    return wrong(fmt::format("{} can be listened on, not connected to", in_quotes(text)), bind_examples);
  }
  if (address->is_ip() && address->port == 0) {
    return wrong(fmt::format("{} has no port to connect to", in_quotes(text)),
                 "write the port the endpoint listens on");
  }
  if (address->is_wildcard()) {
    return wrong(
        fmt::format("{} is every address, not one", in_quotes(text)),
        fmt::format("write `{}:{}`", address->what == socket_address::kind::ip6 ? "[::1]" : "127.0.0.1", port));
  }
  return address;
}

bool conflict(const socket_address& a, const socket_address& b) {
  if (a.what != b.what) return false;
  switch (a.what) {
    case socket_address::kind::ip4:
    case socket_address::kind::ip6:
      return a.port != 0 && a.port == b.port && (a.bytes == b.bytes || a.is_wildcard() || b.is_wildcard());
    case socket_address::kind::unix_path: return a.path == b.path;
    case socket_address::kind::inherited: return a.fd == b.fd;
  }
  return false;
}

std::string network::text() const { return fmt::format("{}/{}", format_ip(is_ip6, bytes), length); }

std::expected<network, problem> parse_network(std::string_view text) {
  constexpr std::string_view examples = "write `10.0.0.0/8` or `2001:db8::/32`";
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  network out{.is_ip6 = host.contains(':')};
  if (!parse_ip(out.is_ip6 ? AF_INET6 : AF_INET, host, out.bytes))
    return wrong(fmt::format("{} is not a network", in_quotes(text)), examples);
  out.length = out.is_ip6 ? 128 : 32;
  if (slash != std::string_view::npos) {
    const auto length = parse_number(text.substr(slash + 1), 0, out.length);
    if (!length) {
      return wrong(fmt::format("{} is not a network", in_quotes(text)),
                   fmt::format("a length from 0 to {}", out.length));
    }
    out.length = static_cast<unsigned>(*length);
  }
  network masked = out;
  for (unsigned bit = out.length; bit < 128; ++bit) {
    masked.bytes[bit / 8] = static_cast<std::uint8_t>(masked.bytes[bit / 8] & ~(0x80U >> (bit % 8)));
  }
  if (masked != out) {
    return wrong(fmt::format("{} has bits behind its length", in_quotes(text)),
                 fmt::format("write `{}`", masked.text()));
  }
  return out;
}

std::string host_port::text() const { return fmt::format("{}:{}", host, port); }

bool is_host_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > longest_host_name) return false;
  while (true) {
    const std::string_view label = text.substr(0, text.find('.'));
    const auto is_allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    if (label.empty() || label.size() > longest_label || !std::ranges::all_of(label, is_allowed)) return false;
    if (label.size() == text.size()) return true;
    text.remove_prefix(label.size() + 1);
  }
}

std::expected<host_port, problem> parse_host_port(std::string_view text) {
  const auto [host, port_text] = split(text);
  constexpr std::string_view example = "write a name and a port: `db.example.com:5432`";
  if (!is_host_name(host)) return wrong(fmt::format("{} is not a name with a port", in_quotes(text)), example);
  if (!is_digits(port_text)) return wrong(fmt::format("{} has no port", in_quotes(text)), example);
  const auto port = parse_number(port_text, 1, 65535);
  if (!port) return wrong(fmt::format("there is no port {}", port_text.substr(0, 16)), "ports go from 1 to 65535");
  return host_port{.host = std::string(host), .port = static_cast<std::uint16_t>(*port)};
}

}  // namespace shoal::config
