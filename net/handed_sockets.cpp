// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/handed_sockets.hpp>

#include <unistd.h>

#include <utility>

namespace shoal {

std::vector<int> handed_sockets::take(std::string_view name) {
  const auto known = by_name_.find(name);
  if (known == by_name_.end()) return {};
  auto fds = std::move(known->second);
  by_name_.erase(known);
  return fds;
}

void handed_sockets::close_rest() noexcept {
  for (const auto& [name, fds] : std::exchange(by_name_, {})) {
    for (const int fd : fds) ::close(fd);
  }
}

}  // namespace shoal
