// SPDX-License-Identifier: Apache-2.0
// One simulated descriptor: a stream (new, connecting or connected) or a listener with its queue.
//
// Thread rule: the world's thread.
// Invariant: `open` from the moment it has a number until that number is closed; events that come later find it closed.
#pragma once

#include <shoal/core/host/socket_name.hpp>
#include <shoal/core/sim/link.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <system_error>

namespace shoal::sim {

/// A connection that waits to be accepted.
struct arrival {
  std::shared_ptr<link> wire;
  socket_name local;
  socket_name peer;
};

struct socket {
  int fd = -1;
  int family = 0;
  bool open = true;
  bool listening = false;
  socket_name local;
  socket_name peer;
  std::size_t buffer_limit = 0;  ///< what its options ask for; 0 = nothing
  socket_watcher* watcher = nullptr;

  // Streams.
  std::shared_ptr<link> wire;  ///< once connected
  side end = side::dialler;
  bool connecting = false;
  std::optional<std::error_code> outcome;  ///< of the connect, until it is reported

  // Listeners.
  std::deque<arrival> queue;
  std::size_t half_open = 0;  ///< handshakes under way
  std::size_t backlog = 0;
  bool shares_port = false;
  bool v6_only = true;

  void changed() const {
    if (watcher != nullptr) watcher->socket_changed(fd);
  }
  void watch(socket_watcher* by) {
    watcher = by;
    if (wire != nullptr) wire->watch(end, by, fd);
  }
};

}  // namespace shoal::sim
