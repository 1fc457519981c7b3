// SPDX-License-Identifier: Apache-2.0
// uring_watch: what the io_uring poller remembers of one fd_watch. Each report is a one-shot poll, armed again while it
// is wanted: so it is level-triggered, as with epoll.
//
// Thread rule: owner shard only.
// Invariant: used again only when nothing of it is in flight, since a completion finds it by address. The fd_watch
//   itself may be gone long before.
#pragma once

#include <shoal/core/fd_watch.hpp>

#include <cstdint>

namespace shoal {

struct alignas(64) uring_watch {
  fd_watch* by = nullptr;  // null: nobody any more; free once nothing is in flight
  std::uint32_t wanted = 0;
  std::uint32_t armed = 0;  // what the poll in flight waits for; 0: none is
  bool cancelled = false;
  bool queued = false;
};

}  // namespace shoal
