// SPDX-License-Identifier: Apache-2.0
// Clients and endpoints of the failure matrix, each with the way of failing that docs/failures.md names.
//
// Thread rule: the shard they run on; the test reads the outcomes when they are done.
#pragma once

#include <shoal/core/task.hpp>
#include <shoal/net/address.hpp>
#include <shoal/net/connection.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace shoal::test {

struct matrix_client {
  address target;
  std::string how;  ///< "well-behaved", "goes away", "silent", "resets", "half-closes", "slow"
  std::string text;
  std::uint64_t seed = 0;

  bool done = false;
  std::string received;
  std::string sees;  ///< "whole", "end", "reset", "itself"
};

/// `me` must outlive it.
[[nodiscard]] task<> run_client(matrix_client& me);

/// What each connection of an endpoint saw; one that is still open says "open".
struct matrix_endpoint {
  std::string how;  ///< "serves" as "well-behaved", "resets", "half-closes", "slow", "cuts off" (echoes nothing)
  std::vector<std::string> owed;  ///< the texts of the clients that may come
  std::vector<std::string> saw;
};

/// An on_connect hook's coroutine: echoes to `c` the way that `me` does.
[[nodiscard]] task<> run_endpoint(connection& c, matrix_endpoint& me);

}  // namespace shoal::test
