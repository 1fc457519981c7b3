// SPDX-License-Identifier: Apache-2.0
#include "latency_histogram.hpp"

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

using shoal::bench::latency_histogram;

BOOST_AUTO_TEST_SUITE(bench_latency_histogram)

BOOST_AUTO_TEST_CASE(quantiles_lie_within_one_per_cent) {
  latency_histogram histogram;
  constexpr std::uint64_t count = 1'000'000;
  for (std::uint64_t i = 1; i <= count; ++i) histogram.record(i * 37);  // 37 ns .. 37 ms, evenly
  BOOST_TEST(histogram.count() == count);
  BOOST_TEST(histogram.max() == count * 37);
  for (const double q : {0.001, 0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = q * static_cast<double>(count) * 37;
    const auto found = histogram.quantile(q);
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST(std::abs(static_cast<double>(*found) - exact) <= exact * 0.01);
  }
}

BOOST_AUTO_TEST_CASE(one_slow_request_in_a_thousand_shows_where_it_must) {
  latency_histogram histogram;
  for (int i = 0; i < 99'880; ++i) histogram.record(100'000);
  for (int i = 0; i < 120; ++i) histogram.record(50'000'000);
  BOOST_TEST(histogram.quantile(0.99).value() < 101'000);
  BOOST_TEST(histogram.quantile(0.999).value() > 49'500'000);
}

BOOST_AUTO_TEST_CASE(a_tail_without_samples_is_no_figure) {
  latency_histogram histogram;
  BOOST_TEST(!histogram.quantile(0.5).has_value());
  for (int i = 0; i < 5'600; ++i) histogram.record(1000);
  BOOST_TEST(histogram.quantile(0.99).has_value());
  BOOST_TEST(!histogram.quantile(0.999).has_value());
  for (int i = 0; i < 200; ++i) histogram.record(1000);
  BOOST_TEST(histogram.quantile(0.999).has_value());
}

BOOST_AUTO_TEST_CASE(extremes_have_a_place) {
  latency_histogram histogram;
  for (int i = 0; i < 20; ++i) histogram.record(0);
  BOOST_TEST(histogram.quantile(0.5).value() == 0U);
  for (int i = 0; i < 40; ++i) histogram.record(std::numeric_limits<std::uint64_t>::max());
  BOOST_TEST(histogram.quantile(0.8).value() == std::numeric_limits<std::uint64_t>::max());
  histogram.clear();
  BOOST_TEST(histogram.count() == 0U);
  BOOST_TEST(histogram.max() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
