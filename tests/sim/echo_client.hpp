// SPDX-License-Identifier: Apache-2.0
// One client of the echo world: dials, sends a text in portions, reads what comes back, and keeps what it saw.
//
// Thread rule: the shard it runs on; the test reads the outcome when it is done.
#pragma once

#include <shoal/core/task.hpp>
#include <shoal/net/connection_options.hpp>
#include <shoal/net/dialer.hpp>

#include <cstdint>
#include <string>
#include <system_error>

namespace shoal::test {

struct client_plan {
  address target;
  connection_options options;
  dial_options dial;
  std::string text;
  std::size_t portion = 1;      ///< bytes per flush
  std::size_t quits_after = 0;  ///< resets once it has so many bytes back; 0 = never
  std::uint64_t seed = 0;
};

struct client_outcome {
  bool done = false;
  std::error_code dial_error;
  std::uint16_t port = 0;  ///< its own; tells the connection to the server
  std::string received;
  std::error_code end;  ///< errc::eof when all went well, errc::closed when it quit
};

/// `plan` and `outcome` must outlive the task.
[[nodiscard]] task<> talk(const client_plan& plan, client_outcome& outcome);

}  // namespace shoal::test
