// SPDX-License-Identifier: Apache-2.0
// Time as a value. Nothing here can read a clock: only the host (core/host/host.hpp) does, once per turn, so that a
// simulated run is a pure function of its seed (D5).
#pragma once

#include <chrono>

namespace shoal {

using duration = std::chrono::nanoseconds;

/// The clock that never jumps (CLOCK_MONOTONIC, or the simulator's virtual one). It has no now() on purpose.
struct monotonic {
  using duration = shoal::duration;
  using rep = duration::rep;
  using period = duration::period;
  static constexpr bool is_steady = true;
};

using instant = std::chrono::time_point<monotonic, duration>;

/// "No deadline". Compares later than every real instant.
inline constexpr instant never = instant::max();

}  // namespace shoal
