// SPDX-License-Identifier: Apache-2.0
#include "bench/histogram.hpp"

#include <shoal/core/random.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

using bench::histogram;

BOOST_AUTO_TEST_SUITE(bench_histogram_suite)

BOOST_AUTO_TEST_CASE(every_percentile_is_within_a_thousandth) {
  shoal::random_source random{shoal::test::seed()};
  histogram counted;
  std::vector<std::int64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    // All magnitudes alike, from 1 ns to half an hour.
    values.push_back(static_cast<std::int64_t>(random() >> (23 + random.below(40))));
    counted.record(values.back());
  }
  std::ranges::sort(values);
  for (int tenth = 0; tenth <= 1000; ++tenth) {
    const double share = tenth / 1000.0;
    const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(share * 20'000)));
    const std::int64_t exact = values[rank - 1];
    const std::int64_t read = counted.value_at(share);
    BOOST_TEST(read >= exact);
    BOOST_TEST(read - exact <= exact / 1000);
  }
}

BOOST_AUTO_TEST_CASE(the_largest_value_of_a_step_is_the_one_hdrhistogram_gives) {
  // Pairs as HdrHistogram documents them for three digits: 2048 is in steps of 2, 8183 in steps of 4, 10007 of 8.
  const auto read = [](std::int64_t value) {
    histogram h;
    h.record(value);
    h.record(histogram::longest);  // so that max() does not cut the step
    return h.value_at(0.5);
  };
  BOOST_TEST(read(2047) == 2047);
  BOOST_TEST(read(2048) == 2049);
  BOOST_TEST(read(8180) == 8183);
  BOOST_TEST(read(8191) == 8191);
  BOOST_TEST(read(10'007) == 10'007);
  BOOST_TEST(read(10'000) == 10'007);
}

BOOST_AUTO_TEST_CASE(merged_equals_recorded_together) {
  shoal::random_source random{shoal::test::seed()};
  histogram together;
  histogram one;
  histogram other;
  for (int i = 0; i < 10'000; ++i) {
    const auto value = static_cast<std::int64_t>(random.below(1'000'000'000));
    together.record(value);
    (i % 3 == 0 ? one : other).record(value);
  }
  other.record(2'000'000'000);  // the largest comes from the one that is merged in
  together.record(2'000'000'000);
  one.merge(other);
  BOOST_TEST((one == together));
}

BOOST_AUTO_TEST_CASE(what_is_out_of_range_is_counted_at_its_end) {
  histogram h;
  h.record(-5);
  h.record(histogram::longest + 1);
  BOOST_TEST(h.count() == 2U);
  BOOST_TEST(h.value_at(0) == 0);
  BOOST_TEST(h.max() == histogram::longest);
}

BOOST_AUTO_TEST_CASE(percentiles_need_their_samples) {
  histogram h;
  for (int i = 0; i < 569; ++i) h.record(7);
  BOOST_TEST(!h.percentile(0.99).has_value());
  h.record(7);
  BOOST_TEST(h.percentile(0.99).value() == 7);
  BOOST_TEST(!h.percentile(0.999).has_value());
  BOOST_TEST(!histogram{}.percentile(0.5).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
