// SPDX-License-Identifier: Apache-2.0
// handed_sockets: listening sockets of a process before this one, by name: the text that its configuration bound them
// with, after the server's own name where that asks for any port.
//
// Closing one of several SO_REUSEPORT sockets resets who waits in its queue. So a process that takes over takes all of
// them, whatever the number of its shards.
//
// Thread rule: the thread that starts the runtime.
// Invariant: a descriptor is somebody's: a server's that took it, or closed.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

class handed_sockets {
 public:
  handed_sockets() = default;
  handed_sockets(const handed_sockets&) = delete;
  handed_sockets& operator=(const handed_sockets&) = delete;
  ~handed_sockets() { close_rest(); }

  void add(std::string name, int fd) { by_name_[std::move(name)].push_back(fd); }
  /// They are the caller's now.
  [[nodiscard]] std::vector<int> take(std::string_view name);
  /// What nobody took; the process before still has it.
  void close_rest() noexcept;

 private:
  std::map<std::string, std::vector<int>, std::less<>> by_name_;
};

}  // namespace shoal
