// SPDX-License-Identifier: Apache-2.0
// One client of the move world: sends a text in frames, takes apart what comes back, and keeps what it saw.
//
// Thread rule: the shard it runs on; the test reads the outcome when it is done.
#pragma once

#include <shoal/core/task.hpp>
#include <shoal/net/connection_options.hpp>
#include <shoal/net/dialer.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <system_error>

namespace shoal::test {

struct move_client_plan {
  address target;
  connection_options options;
  std::string text;
  std::size_t longest_frame = 1;
  std::size_t quits_after = 0;  ///< resets once it has so many bytes back; 0 = never
  bool falls_silent = false;    ///< never says that it has finished
  std::uint64_t seed = 0;
};

struct move_client_outcome {
  bool done = false;
  std::error_code dial_error;
  std::string received;
  std::error_code end;
  bool out_of_order = false;  ///< a post came before one that its sender had posted earlier, or twice
  std::uint64_t posts = 0;
};

/// `plan` and `outcome` must outlive the task.
[[nodiscard]] task<> talk(const move_client_plan& plan, move_client_outcome& outcome);

}  // namespace shoal::test
