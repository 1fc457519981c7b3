// SPDX-License-Identifier: Apache-2.0
// Addresses of one file that get into each other's way, and those that can't be listened on yet.
#include "proxy/config_rules.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <utility>
#include <vector>

namespace shoal::config {
namespace {

struct bound_address {
  const socket_address* address;
  std::string path;   // of the key
  std::string owner;  // "listener `web`"
};

// A list of one may be written without its brackets.
std::string item_path(const reading& in, const std::string& list, std::size_t index) {
  std::string item = fmt::format("{}[{}]", list, index);
  return in.written(item) ? item : list;
}

std::vector<bound_address> all_addresses(const reading& in, const proxy_config& config) {
  std::vector<bound_address> all;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const listener_config& listener = config.listeners[i];
    const std::string list = fmt::format("listeners[{}].bind", i);
    for (std::size_t j = 0; j < listener.bind.size(); ++j) {
      std::string path = item_path(in, list, j);
      if (!in.sound(path)) continue;
      all.push_back({&listener.bind[j], std::move(path), fmt::format("listener {}", in_quotes(listener.name))});
    }
  }
  if (config.admin && in.sound("admin.bind")) all.push_back({&config.admin->bind, "admin.bind", "`admin`"});
  return all;
}

// Addresses that can conflict share a key: a port, a path, a descriptor. Keeps the search linear.
std::string conflict_key(const socket_address& address) {
  if (address.is_ip())
    return fmt::format("port {} {}", address.port, address.what == socket_address::kind::ip6 ? 6 : 4);
  if (address.what == socket_address::kind::unix_path) {
    return "unix " + std::filesystem::path(address.path).lexically_normal().string();
  }
  return address.text();
}

bool get_in_each_others_way(const socket_address& a, const socket_address& b) {
  return a.what == socket_address::kind::unix_path || conflict(a, b);
}

}  // namespace

void check_addresses(reading& in, const proxy_config& config) {
  std::map<std::string, std::vector<const bound_address*>> by_key;
  const std::vector<bound_address> all = all_addresses(in, config);
  for (const bound_address& bound : all) {
    std::vector<const bound_address*>& others = by_key[conflict_key(*bound.address)];
    for (const bound_address* other : others) {
      if (!get_in_each_others_way(*bound.address, *other->address)) continue;
      const bool is_same = bound.address->text() == other->address->text();
      in.fail_at(bound.path, {fmt::format("{} is taken by {} of {} on line {}", in_quotes(bound.address->text()),
                                          is_same ? std::string("the same address") : in_quotes(other->address->text()),
                                          other->owner, in.place(other->path).line),
                              "choose another address, or remove one of them"});
      break;
    }
    // A port that was refused a hundred times needs no comparison with each of them.
    if (others.size() < 64) others.push_back(&bound);
  }
}

}  // namespace shoal::config
