// SPDX-License-Identifier: Apache-2.0
// The seed of a random test: from `-- --seed N`, else from SHOAL_SEED, else drawn from the operating system.
//
// Thread rule: call it from the test's main thread. It is printed once per program, so that a failure can be replayed.
#pragma once

#include <cstdint>

namespace shoal::test {

/// The same value at every call. A malformed seed ends the program with a message: a typo must not pass as a replay.
[[nodiscard]] std::uint64_t seed();

}  // namespace shoal::test
