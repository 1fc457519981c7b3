// SPDX-License-Identifier: Apache-2.0
// Who listens where on one simulated host, and which ports are taken.
//
// Thread rule: the world's thread.
// Invariants: two listeners share a place only if both said so; a unix path stays behind when its listener is closed,
//   until it is removed.
#pragma once

#include <shoal/core/sim/place.hpp>
#include <shoal/core/sim/socket.hpp>

#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <vector>

namespace shoal::sim {

class bindings {
 public:
  /// Fills in a port, or a name, where none is given.
  [[nodiscard]] place complete(place wanted);
  /// Whether a listener may be bound there.
  [[nodiscard]] std::error_code check(const place& where, bool shares_port) const;
  void add(const place& where, const std::shared_ptr<socket>& listener);
  void remove(const socket& listener);

  /// Those that take a connection to `to`, which is an address of this host.
  [[nodiscard]] std::vector<std::shared_ptr<socket>> find(const place& to) const;
  [[nodiscard]] bool is_stale(const place& path) const;
  void remove_path(const place& path) { paths_.erase(path); }

 private:
  using listeners = std::vector<std::shared_ptr<socket>>;

  // Where the kernel begins to give out ports.
  std::uint16_t next_port_ = 32768;
  std::uint32_t next_name_ = 0;
  std::map<place, listeners> by_place_;
  std::set<place> paths_;  // of unix sockets, in the file system
};

}  // namespace shoal::sim
