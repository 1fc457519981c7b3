// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/bindings.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace shoal::sim {

place bindings::complete(place wanted) {
  if (wanted.family == AF_UNIX) {
    if (wanted.host.empty()) wanted.host = '\0' + std::to_string(next_name_++);
  } else if (wanted.port == 0) {
    do wanted.port = next_port_ == 60'999 ? (next_port_ = 32'768) : next_port_++;
    while (std::ranges::any_of(by_place_, [&](const auto& taken) { return taken.first.port == wanted.port; }));
  }
  return wanted;
}

std::error_code bindings::check(const place& where, bool shares_port) const {
  if (where.family == AF_UNIX && paths_.contains(where)) return {EADDRINUSE, std::system_category()};
  for (const auto& [taken, who] : by_place_) {
    if (taken.family != where.family || taken.port != where.port) continue;
    if (taken.host != where.host && (where.family == AF_UNIX || (!taken.is_any() && !where.is_any()))) continue;
    const bool all_share = shares_port && std::ranges::all_of(who, &socket::shares_port);
    if (!all_share) return {EADDRINUSE, std::system_category()};
  }
  return {};
}

void bindings::add(const place& where, const std::shared_ptr<socket>& listener) {
  by_place_[where].push_back(listener);
  if (where.family == AF_UNIX && !where.host.starts_with('\0')) paths_.insert(where);
}

void bindings::remove(const socket& listener) {
  const auto found = by_place_.find(place_of(listener.local.view()));
  if (found == by_place_.end()) return;
  std::erase_if(found->second, [&](const auto& one) { return one.get() == &listener; });
  if (found->second.empty()) by_place_.erase(found);
}

std::vector<std::shared_ptr<socket>> bindings::find(const place& to) const {
  if (const auto exact = by_place_.find(to); exact != by_place_.end()) return exact->second;
  for (const auto& [where, who] : by_place_) {
    if (where.is_any() && where.port == to.port && where.family == to.family) return who;
  }
  return {};
}

bool bindings::is_stale(const place& path) const { return paths_.contains(path) && !by_place_.contains(path); }

}  // namespace shoal::sim
