// SPDX-License-Identifier: Apache-2.0
// Random operations against std::string. SHOAL_MODEL_STEPS sets how many (default 300,000; the full run is 10,000,000).
#include <tests/buffers/link_buffer_model.hpp>

#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <iostream>

namespace shoal::test {

BOOST_AUTO_TEST_SUITE(link_buffer_model_run)

BOOST_AUTO_TEST_CASE(equals_strings_after_every_operation) {
  const char* given = std::getenv("SHOAL_MODEL_STEPS");
  const std::uint64_t wanted = given != nullptr ? std::strtoull(given, nullptr, 10) : 300'000;
  // Games of 20,000 operations: each ends with the proof that every block came home, and each has a fresh slab.
  constexpr std::uint64_t game = 20'000;
  std::uint64_t refusals = 0;
  for (std::uint64_t done = 0, number = 0; done < wanted; done += game, ++number) {
    link_buffer_model model{choices{seed() + number}};
    for (std::uint64_t i = 0; i < game; ++i) model.step();
    refusals += model.refusals();
    model.finish();
  }
  std::cout << wanted << " operations, " << refusals << " of them refused for lack of memory\n";
  BOOST_TEST(refusals > 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
