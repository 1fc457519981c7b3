// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/token_bucket.hpp>

#include <tests/core/death.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <random>

using shoal::instant;
using shoal::detail::token_bucket;
using namespace std::chrono_literals;

namespace {

constexpr instant start{1h};

/// Uses all there are; how many.
std::int64_t drain(token_bucket& bucket) {
  const auto all = bucket.whole();
  bucket.take(all);
  bucket.give_back(0, all);
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(token_bucket_suite)

BOOST_AUTO_TEST_CASE(begins_full_and_time_fills_it_to_the_burst) {
  token_bucket bucket{10, 5, start};
  BOOST_TEST(drain(bucket) == 5);
  BOOST_TEST((bucket.next() == start + 100ms));
  bucket.refill(start + 99'999'999ns);
  BOOST_TEST(bucket.whole() == 0);
  bucket.refill(start + 100ms);
  BOOST_TEST(bucket.whole() == 1);
  bucket.refill(start + 250ms);
  BOOST_TEST(bucket.whole() == 2);
  bucket.refill(start + 24h);
  BOOST_TEST(bucket.whole() == 5);
  bucket.refill(start);  // a clock that stands or steps back gives nothing
  BOOST_TEST(drain(bucket) == 5);
}

BOOST_AUTO_TEST_CASE(nothing_is_rounded_away_however_often_it_is_filled) {
  for (const std::int64_t rate : {1, 3, 7, 999, 1'000'003}) {
    token_bucket bucket{rate, 2 * rate, start};
    drain(bucket);
    std::mt19937_64 random{shoal::test::seed()};
    std::int64_t used = 0;
    instant now = start;
    while (now < start + 1000s) {
      now = std::min(now + std::chrono::microseconds{random() % 900'000}, start + 1000s);
      bucket.refill(now);
      used += drain(bucket);
    }
    BOOST_TEST(used == 1000 * rate);
  }
}

BOOST_AUTO_TEST_CASE(what_is_outside_counts_as_part_of_the_burst) {
  token_bucket bucket{1000, 4, start};
  bucket.take(3);
  bucket.refill(start + 10s);
  BOOST_TEST(bucket.whole() == 1);
  bucket.take(1);
  bucket.refill(start + 20s);
  BOOST_TEST(bucket.whole() == 0);
  BOOST_TEST((bucket.next() == shoal::never));
  bucket.give_back(2, 0);
  BOOST_TEST(bucket.whole() == 2);
  bucket.give_back(0, 2);
  BOOST_TEST(bucket.whole() == 2);
  bucket.refill(start + 30s);
  BOOST_TEST(bucket.whole() == 4);
}

BOOST_AUTO_TEST_CASE(a_change_counts_from_now_on) {
  token_bucket bucket{10, 100, start};
  drain(bucket);
  bucket.change(1'000'000, 50, start + 1s);
  BOOST_TEST(bucket.whole() == 10);
  bucket.refill(start + 1s + 20us);
  BOOST_TEST(bucket.whole() == 30);
  bucket.change(1, 7, start + 1s + 20us);
  BOOST_TEST(drain(bucket) == 7);
}

BOOST_AUTO_TEST_CASE(the_fastest_one_does_not_overflow) {
  token_bucket bucket{1'000'000'000, 1'000'000'000, start};
  BOOST_TEST(drain(bucket) == 1'000'000'000);
  bucket.refill(start + 1h);
  BOOST_TEST(drain(bucket) == 1'000'000'000);
  BOOST_TEST(shoal::test::aborts([] { const token_bucket none{0, 1, start}; }));
  BOOST_TEST(shoal::test::aborts([] { const token_bucket none{1, 0, start}; }));
}

BOOST_AUTO_TEST_SUITE_END()
