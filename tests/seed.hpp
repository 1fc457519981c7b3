// SPDX-License-Identifier: Apache-2.0
// The seed of a random test: from `-- --seed N`, else from SHOAL_SEED, else drawn from the operating system.
//
// Thread rule: call it from the test's main thread. It is printed once per program, so that a failure can be replayed.
#pragma once

#include <cstdint>
#include <optional>

namespace shoal::test {

/// The seed that was asked for, if one was.
[[nodiscard]] std::optional<std::uint64_t> given_seed();

/// How many seeds a test of many tries: `-- --seeds N`, else SHOAL_SEEDS, else so many.
[[nodiscard]] std::uint64_t seed_count(std::uint64_t usual);

/// Where they begin: `-- --first-seed N`, else SHOAL_FIRST_SEED, else 1. So a long run is shared out.
[[nodiscard]] std::uint64_t first_seed();

/// The same value at every call. A malformed seed ends the program with a message: a typo must not pass as a replay.
[[nodiscard]] std::uint64_t seed();

}  // namespace shoal::test
