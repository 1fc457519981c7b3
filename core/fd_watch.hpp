// SPDX-License-Identifier: Apache-2.0
// fd_watch: readiness of a descriptor that somebody else reads and writes, such as a library's own sockets. What shoal
// reads and writes itself has an fd_operator.
//
//   poller.watch(w, readable, writable)  ------->  ready(readable, writable), in every poll() while it is so
//   poller.unwatch(w)                    ------->  nothing any more
//
// Thread rule: owner shard only.
// Invariants:
//  1. ready() is called inside poll(): it lets the library read and write, and keeps what came of it; application code
//     runs later, from a timer or the run queue. It may watch and unwatch anything, itself included.
//  2. After unwatch() no report comes, not even one of the batch that is being walked: watch and descriptor may go at
//     once. unwatch() comes before the close, or the number could be somebody else's already. (With io_uring the kernel
//     may hold the file itself until the next poll(); it counts as attached so long.)
//  3. Errors and hang-ups are reported as readable or writable, whichever is wanted: reading or writing then tells.
#pragma once

#include <shoal/buffers/check.hpp>

namespace shoal {

class fd_watch {
 public:
  fd_watch() = default;
  fd_watch(const fd_watch&) = delete;
  fd_watch& operator=(const fd_watch&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool is_watched() const noexcept { return poller_state_ != nullptr; }

  /// What is so now, of what is wanted; at least one of them.
  virtual void ready(bool readable, bool writable) = 0;

 protected:
  virtual ~fd_watch() { SHOAL_ASSERT(!is_watched()); }  // protected: never destroyed through this face
  /// While it is not watched.
  void set_fd(int fd) noexcept {
    SHOAL_ASSERT(!is_watched());
    fd_ = fd;
  }

 private:
  friend class epoll_poller;
  friend class uring_poller;

  void* poller_state_ = nullptr;  // owned by the poller; null when not watched
  int fd_ = -1;
};

}  // namespace shoal
