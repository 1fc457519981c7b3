// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/address.hpp>

#include <shoal/buffers/check.hpp>

#include <sys/un.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

namespace shoal {
namespace {

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);
static_assert(address::max_unix_name + 1 == sizeof(sockaddr_un::sun_path));

std::uint16_t swapped(std::uint16_t port) noexcept { return htons(port); }

bool is_v4_mapped(std::span<const std::uint8_t> v6) noexcept {
  return std::ranges::all_of(v6.first(10), [](auto b) { return b == 0; }) && v6[10] == 0xff && v6[11] == 0xff;
}

/// A path is followed by zeros, as is an abstract name, and neither ends in one: so the length need not be stored.
/// Abstract names that do end in a NUL exist in theory; from_sockaddr refuses them.
std::size_t length_of(const sockaddr_un& name) noexcept {
  std::size_t length = sizeof name.sun_path;
  while (length > 0 && name.sun_path[length - 1] == '\0') --length;
  return length;
}

}  // namespace

address::address(const address& other) : address() { *this = other; }

address::address(address&& other) noexcept : address() { take(other); }

address& address::operator=(const address& other) {
  if (this == &other) return *this;
  address copy;
  if (other.owns_name()) {
    copy.name_.header = {.family = AF_UNIX, .name = std::make_unique<sockaddr_un>(*other.name_.header.name).release()};
  } else if (other.family() == AF_INET6) {
    copy.name_.v6 = other.name_.v6;
  } else if (other.family() == AF_INET) {
    copy.name_.v4 = other.name_.v4;
  } else {
    copy.name_.header = other.name_.header;
  }
  return *this = std::move(copy);
}

address& address::operator=(address&& other) noexcept {
  if (this == &other) return *this;
  drop();
  take(other);
  return *this;
}

address::~address() { drop(); }

void address::drop() noexcept {
  if (owns_name()) std::unique_ptr<sockaddr_un>{name_.header.name}.reset();
}

/// Overwrites *this, which owns nothing, and unsets `other`.
void address::take(address& other) noexcept {
  if (other.family() == AF_INET6) {
    name_.v6 = other.name_.v6;
  } else if (other.family() == AF_INET) {
    name_.v4 = other.name_.v4;
  } else {
    name_.header = other.name_.header;
  }
  other.name_.header = {.family = AF_UNSPEC, .name = nullptr};
}

address address::ipv4(std::array<std::uint8_t, 4> bytes, std::uint16_t port) noexcept {
  address a;
  a.name_.v4 = {
      .sin_family = AF_INET, .sin_port = swapped(port), .sin_addr = std::bit_cast<in_addr>(bytes), .sin_zero = {}};
  return a;
}

address address::ipv6(std::array<std::uint8_t, 16> bytes, std::uint16_t port, std::uint32_t scope) noexcept {
  address a;
  a.name_.v6 = {.sin6_family = AF_INET6,
                .sin6_port = swapped(port),
                .sin6_flowinfo = 0,
                .sin6_addr = std::bit_cast<in6_addr>(bytes),
                .sin6_scope_id = scope};
  return a;
}

/// `sun_path` as the kernel counts it: an abstract name with its NUL, a path without.
address address::unix_bytes(std::string_view sun_path) {
  address a;
  auto name = std::make_unique<sockaddr_un>();
  name->sun_family = AF_UNIX;
  for (std::size_t i = 0; i < sun_path.size(); ++i) name->sun_path[i] = sun_path[i];
  a.name_.header = {.family = AF_UNIX, .name = name.release()};
  return a;
}

result<address> address::unix_path(std::string_view path) {
  if (path.empty() || path.size() > max_unix_name || path.find('\0') != std::string_view::npos) {
    return fail(errc::invalid_argument);
  }
  return unix_bytes(path);
}

result<address> address::unix_abstract(std::string_view name) {
  if (name.empty() || name.size() > max_unix_name || name.ends_with('\0')) return fail(errc::invalid_argument);
  return unix_bytes('\0' + std::string{name});
}

result<address> address::from_sockaddr(const sockaddr* name, socklen_t size) {
  if (name == nullptr || size < sizeof(sa_family_t)) return fail(errc::invalid_argument);
  address a;
  if (name->sa_family == AF_INET) {
    if (size < sizeof(sockaddr_in)) return fail(errc::invalid_argument);
    a.name_.v4 = *reinterpret_cast<const sockaddr_in*>(name);
    return a;
  }
  if (name->sa_family == AF_INET6) {
    if (size < sizeof(sockaddr_in6)) return fail(errc::invalid_argument);
    a.name_.v6 = *reinterpret_cast<const sockaddr_in6*>(name);
    return a;
  }
  if (name->sa_family != AF_UNIX) return fail(errc::not_supported);
  if (size > sizeof(sockaddr_un)) return fail(errc::invalid_argument);
  a.name_.header = {.family = AF_UNIX, .name = nullptr};
  if (size <= path_offset) return a;
  const std::string_view bytes{reinterpret_cast<const sockaddr_un*>(name)->sun_path, size - path_offset};
  if (bytes.front() == '\0') return unix_abstract(bytes.substr(1));
  return unix_path(bytes.substr(0, bytes.find('\0')));
}

std::uint16_t address::port() const noexcept {
  if (family() == AF_INET) return swapped(name_.v4.sin_port);
  return family() == AF_INET6 ? swapped(name_.v6.sin6_port) : 0;
}

address address::with_port(std::uint16_t port) const {
  SHOAL_ASSERT(is_ip());
  address a = *this;
  if (family() == AF_INET) a.name_.v4.sin_port = swapped(port);
  if (family() == AF_INET6) a.name_.v6.sin6_port = swapped(port);
  return a;
}

std::span<const std::uint8_t> address::ip_bytes() const noexcept {
  if (family() == AF_INET) return {reinterpret_cast<const std::uint8_t*>(&name_.v4.sin_addr), 4};
  if (family() == AF_INET6) return {reinterpret_cast<const std::uint8_t*>(&name_.v6.sin6_addr), 16};
  return {};
}

std::uint32_t address::scope() const noexcept { return family() == AF_INET6 ? name_.v6.sin6_scope_id : 0; }

std::string_view address::unix_name() const noexcept {
  if (!owns_name()) return {};
  const std::string_view bytes{name_.header.name->sun_path, length_of(*name_.header.name)};
  return is_abstract() ? bytes.substr(1) : bytes;
}

bool address::is_abstract() const noexcept { return owns_name() && name_.header.name->sun_path[0] == '\0'; }

bool address::is_loopback() const noexcept {
  const auto bytes = ip_bytes();
  if (bytes.size() == 4) return bytes[0] == 127;
  if (bytes.size() != 16) return false;
  if (is_v4_mapped(bytes)) return bytes[12] == 127;
  return bytes[15] == 1 && std::ranges::all_of(bytes.first(15), [](auto b) { return b == 0; });
}

bool address::is_any() const noexcept {
  return is_ip() && std::ranges::all_of(ip_bytes(), [](auto b) { return b == 0; });
}

socket_name_view address::view() const noexcept {
  switch (family()) {
    case AF_INET: return {.data = reinterpret_cast<const sockaddr*>(&name_.v4), .size = sizeof name_.v4};
    case AF_INET6: return {.data = reinterpret_cast<const sockaddr*>(&name_.v6), .size = sizeof name_.v6};
    case AF_UNIX: break;
    default: return {};
  }
  if (!owns_name()) return {.data = reinterpret_cast<const sockaddr*>(&name_.header), .size = sizeof(sa_family_t)};
  const auto end = is_abstract() ? 0U : 1U;  // a path takes its NUL along
  return {.data = reinterpret_cast<const sockaddr*>(name_.header.name),
          .size = static_cast<socklen_t>(path_offset + length_of(*name_.header.name) + end)};
}

std::strong_ordering operator<=>(const address& a, const address& b) noexcept {
  if (const auto order = a.family() <=> b.family(); order != 0) return order;
  const auto left = a.ip_bytes(), right = b.ip_bytes();
  if (const auto order = std::lexicographical_compare_three_way(left.begin(), left.end(), right.begin(), right.end());
      order != 0) {
    return order;
  }
  if (const auto order = a.scope() <=> b.scope(); order != 0) return order;
  if (const auto order = a.port() <=> b.port(); order != 0) return order;
  if (const auto order = a.is_abstract() <=> b.is_abstract(); order != 0) return order;
  return a.unix_name() <=> b.unix_name();
}

}  // namespace shoal

std::size_t std::hash<shoal::address>::operator()(const shoal::address& a) const noexcept {
  // FNV-1a. Keys come from peers, but tables keyed by address must bound their chains anyway.
  std::uint64_t sum = 0xcbf29ce484222325ULL;
  const auto add = [&sum](std::uint64_t byte) { sum = (sum ^ byte) * 0x100000001b3ULL; };
  for (const auto byte : a.ip_bytes()) add(byte);
  for (const char c : a.unix_name()) add(static_cast<unsigned char>(c));
  add(a.port() & 0xffU);
  add(a.port() >> 8U);
  add(a.scope());
  return sum;
}
