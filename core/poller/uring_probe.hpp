// SPDX-License-Identifier: Apache-2.0
// What a fresh ring can do: asked where the kernel tells, tried out where it doesn't.
//
// Thread rule: the ring's thread, before anything was submitted.
#pragma once

#include <system_error>

struct io_uring;

namespace shoal {

struct uring_abilities {
  std::error_code lacks;  ///< what of the required set is missing, if anything
  bool limits_receives = false;
  bool messages_rings = false;
};

[[nodiscard]] uring_abilities probe_ring(io_uring& ring);

}  // namespace shoal
