// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/host/hosts_file.hpp>

#include <shoal/core/lower_case.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace shoal {
namespace {

void add_line(hosts_table& table, const std::string& line) {
  std::istringstream words{line.substr(0, line.find('#'))};
  std::string address;
  if (!(words >> address)) return;
  ip_bytes bytes{};
  const bool is_v4 = ::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1;
  if (!is_v4 && ::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return;
  for (std::string name; words >> name;) {
    auto& entry = table[lower_case(name)];
    auto& list = is_v4 ? entry.ipv4 : entry.ipv6;
    if (std::ranges::find(list, bytes) == list.end()) list.push_back(bytes);
  }
}

}  // namespace

hosts_table parse_hosts(std::string_view text) {
  hosts_table table;
  std::istringstream lines{std::string{text}};
  for (std::string line; std::getline(lines, line);) add_line(table, line);
  return table;
}

hosts_table read_hosts(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string text(max_hosts_bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return parse_hosts(text);
}

}  // namespace shoal
