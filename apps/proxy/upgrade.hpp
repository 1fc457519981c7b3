// SPDX-License-Identifier: Apache-2.0
// upgrade: SIGUSR2. A new process of the program, as it is on disk now, takes the listening sockets over; once it
// serves this one takes no more clients, and ends when the last has gone. If it fails this one goes on as if nothing
// had been.
//
// Thread rule: made, run and destroyed on the thread that runs the runtime; a thread of its own waits for the new
//   process.
// Invariant: one at a time.
#pragma once

#include "proxy/admin.hpp"
#include "proxy/deployment.hpp"
#include "proxy/systemd_link.hpp"
#include "proxy/upgrade_link.hpp"

#include <sys/types.h>

#include <string>
#include <thread>
#include <vector>

namespace proxy {

/// How this process was started: the program with a path that finds it again, and its arguments.
struct command_line {
  std::string program;
  std::vector<std::string> arguments;
};
[[nodiscard]] command_line command_of(int argc, const char* const* argv);

class upgrade {
 public:
  /// `states` may be nullptr. All must outlive it.
  upgrade(shoal::runtime& runtime, deployment& serving, admin* states, systemd_link& manager, command_line command);
  upgrade(const upgrade&) = delete;
  upgrade& operator=(const upgrade&) = delete;
  ~upgrade();

  void run();

 private:
  struct outcome {
    bool serves = false;
    std::string words;  // of a failure
  };

  [[nodiscard]] shoal::result<pid_t> spawn(int link);
  [[nodiscard]] outcome watch(pid_t child);
  void hand_over(pid_t child);
  void concluded(pid_t child, const outcome& how);

  shoal::runtime& runtime_;
  deployment& serving_;
  admin* states_;
  systemd_link& manager_;
  const command_line command_;
  shoal::process_link link_;
  std::thread watcher_;
  bool under_way_ = false;
};

}  // namespace proxy
