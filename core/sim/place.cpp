// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/place.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace shoal::sim {
namespace {

std::string bytes_of(const void* data, std::size_t size) { return {static_cast<const char*>(data), size}; }

}  // namespace

bool place::is_any() const noexcept {
  return family != AF_UNIX && std::ranges::all_of(host, [](char byte) { return byte == '\0'; });
}

bool place::is_loopback() const noexcept {
  if (family == AF_INET) return host.starts_with('\x7f');
  return family == AF_INET6 && host == std::string(15, '\0') + '\x01';
}

place place_of(socket_name_view name) {
  place where;
  where.family = name.family();
  if (where.family == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(name.data);
    where.host = bytes_of(&v4.sin_addr, sizeof(v4.sin_addr));
    where.port = ntohs(v4.sin_port);
  } else if (where.family == AF_INET6) {
    const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(name.data);
    where.host = bytes_of(&v6.sin6_addr, sizeof(v6.sin6_addr));
    where.port = ntohs(v6.sin6_port);
  } else if (where.family == AF_UNIX) {
    const auto& local = *reinterpret_cast<const sockaddr_un*>(name.data);
    const std::string path = bytes_of(local.sun_path, name.size - offsetof(sockaddr_un, sun_path));
    // An abstract name may hold NULs; a path ends at the first.
    where.host = path.starts_with('\0') ? path : path.substr(0, path.find('\0'));
  }
  return where;
}

socket_name name_of(const place& where) {
  socket_name name;
  if (where.family == AF_INET) {
    auto& v4 = *reinterpret_cast<sockaddr_in*>(&name.storage);
    v4.sin_port = htons(where.port);
    where.host.copy(reinterpret_cast<char*>(&v4.sin_addr), sizeof(v4.sin_addr));
    name.size = sizeof(v4);
  } else if (where.family == AF_INET6) {
    auto& v6 = *reinterpret_cast<sockaddr_in6*>(&name.storage);
    v6.sin6_port = htons(where.port);
    where.host.copy(reinterpret_cast<char*>(&v6.sin6_addr), sizeof(v6.sin6_addr));
    name.size = sizeof(v6);
  } else {
    auto& local = *reinterpret_cast<sockaddr_un*>(&name.storage);
    const std::size_t size = where.host.copy(local.sun_path, sizeof(local.sun_path));
    const bool is_path = !where.host.empty() && where.host.front() != '\0';
    name.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size + (is_path ? 1 : 0));
  }
  name.storage.ss_family = static_cast<sa_family_t>(where.family);
  return name;
}

place parse_host(std::string_view text) {
  const std::string terminated{text};
  std::array<char, 16> bytes{};
  if (::inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) return {AF_INET, {bytes.data(), 4}, 0};
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return {AF_INET6, {bytes.data(), 16}, 0};
  return {};
}

}  // namespace shoal::sim
