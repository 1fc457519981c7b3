// SPDX-License-Identifier: Apache-2.0
// The names of /etc/hosts: a value, read on a helper thread.
//
// Thread rule: a plain value.
#pragma once

#include <shoal/core/resolver.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shoal {

struct hosts_entry {
  std::vector<ip_bytes> ipv4;
  std::vector<ip_bytes> ipv6;
};

/// By name in lower case.
using hosts_table = std::unordered_map<std::string, hosts_entry>;

/// More of the file is not looked at.
inline constexpr std::size_t max_hosts_bytes = std::size_t{1} << 20;

/// Lines that make no sense are passed over, as everybody does.
[[nodiscard]] hosts_table parse_hosts(std::string_view text);
/// An empty table if there is no such file. Blocks.
[[nodiscard]] hosts_table read_hosts(const std::string& path);

}  // namespace shoal
