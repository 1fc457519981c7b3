// SPDX-License-Identifier: Apache-2.0
// Runs a test with many seeds, or with the one that failed: `test_sim --run_test=echo_world -- --seed 17` replays it,
// `-- --seeds 1000` (or SHOAL_SEEDS=1000) tries more.
//
// Thread rule: the test's main thread.
#pragma once

#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>

namespace shoal::test {

/// Calls `run(seed)`. What fails inside, a crash included, is reported with its seed and how to replay it.
template <class Run>
void for_each_seed(std::uint64_t usual_count, Run run) {
  const auto one = given_seed();
  const std::uint64_t first = one.value_or(first_seed());
  const std::uint64_t count = one ? 1 : seed_count(usual_count);
  for (std::uint64_t seed = first; seed - first < count; ++seed) {
    BOOST_TEST_CONTEXT("replay with: -- --seed " << seed) run(seed);
  }
}

}  // namespace shoal::test
