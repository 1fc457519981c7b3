// SPDX-License-Identifier: Apache-2.0
#include "bench/schedule.hpp"

#include "bench/histogram.hpp"
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

using bench::arrival;
using bench::schedule;

BOOST_AUTO_TEST_SUITE(bench_schedule_suite)

BOOST_AUTO_TEST_CASE(cores_share_the_slots_of_a_constant_rate) {
  schedule even{arrival::constant, 3, 0, 2, 1};
  schedule odd{arrival::constant, 3, 1, 2, 1};
  BOOST_TEST(even.next() == 0);
  BOOST_TEST(odd.next() == 333'333'333);
  BOOST_TEST(even.next() == 666'666'666);
  BOOST_TEST(odd.next() == 1'000'000'000);
}

BOOST_AUTO_TEST_CASE(rounding_does_not_add_up) {
  schedule slots{arrival::constant, 30'000, 0, 1, 1};  // 33333.33 ns apart
  std::int64_t last = 0;
  for (int i = 0; i <= 3'000'000; ++i) last = slots.next();
  BOOST_TEST(last == 100'000'000'000);
}

BOOST_AUTO_TEST_CASE(poisson_has_its_rate_and_its_spread_and_replays) {
  const std::uint64_t seed = shoal::test::seed();
  schedule slots{arrival::poisson, 10'000, 1, 4, seed};
  schedule again{arrival::poisson, 10'000, 1, 4, seed};
  schedule other_core{arrival::poisson, 10'000, 2, 4, seed};
  constexpr int many = 200'000;
  double squares = 0;
  std::int64_t before = 0;
  bool differs = false;
  for (int i = 0; i < many; ++i) {
    const std::int64_t at = slots.next();
    BOOST_REQUIRE(at == again.next());
    differs = differs || at != other_core.next();
    const auto gap = static_cast<double>(at - before);
    BOOST_REQUIRE(gap >= 0);
    squares += gap * gap;
    before = at;
  }
  BOOST_TEST(differs);
  const double mean = static_cast<double>(before) / many;  // of one core in four: 400 us
  BOOST_TEST(mean == 400'000.0, boost::test_tools::tolerance(0.02));
  // The mean square of an exponential gap is twice the squared mean; of a constant one it would be once.
  BOOST_TEST(squares / many / (mean * mean) == 2.0, boost::test_tools::tolerance(0.05));
}

BOOST_AUTO_TEST_CASE(a_stall_reads_as_it_was_from_the_intended_start) {
  // 10 s at 10,000/s; from second 5 on, nothing is answered for one second, then everything at once. One request in ten
  // waits, from 0 to 1 s alike: p95 is half a second.
  schedule slots{arrival::constant, 10'000, 0, 1, 1};
  bench::histogram latency;
  for (int i = 0; i < 100'000; ++i) {
    const std::int64_t at = slots.next();
    const bool stalled = at >= 5'000'000'000 && at < 6'000'000'000;
    latency.record(stalled ? 6'000'000'000 - at : 50'000);
  }
  BOOST_TEST(static_cast<double>(latency.value_at(0.95)) == 5e8, boost::test_tools::tolerance(0.001));
  BOOST_TEST(latency.max() == 1'000'000'000);
}

BOOST_AUTO_TEST_SUITE_END()
