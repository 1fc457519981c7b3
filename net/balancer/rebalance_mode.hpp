// SPDX-License-Identifier: Apache-2.0
// rebalance_mode: whether the connections of a server may move between shards by load.
#pragma once

#include <cstdint>

namespace shoal {

enum class rebalance_mode : std::uint8_t {
  off,
  dry_run,    ///< says in the log what it would move, and moves nothing
  automatic,  ///< moves them (connection_move.hpp)
};

}  // namespace shoal
