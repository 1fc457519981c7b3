// SPDX-License-Identifier: Apache-2.0
// Each reason is provoked alone, and just missed.
#include "bench/verdict.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using bench::judge;
using bench::run_facts;
using bench::verdict;

namespace {

/// 10,000 requests/s of 100 us, one in flight on average.
run_facts good_run() {
  return {.open_loop = true,
          .requests = 100'000,
          .asked_rate = 10'000,
          .sent_rate = 10'000,
          .lag_p99_us = 5,
          .latency_p50_us = 100,
          .busiest_core = 0.3,
          .mean_in_flight = 1,
          .answer_rate = 10'000,
          .mean_service_us = 100,
          .first_half_rate = 10'000,
          .second_half_rate = 10'000};
}

void expect_only(const run_facts& run, verdict says, const std::string& word) {
  const auto got = judge(run);
  BOOST_TEST(bench::to_string(got.says) == std::string(bench::to_string(says)));
  BOOST_REQUIRE(got.reasons.size() == 1U);
  BOOST_TEST(got.reasons[0].find(word) != std::string::npos, got.reasons[0]);
}

void expect_valid(const run_facts& run) {
  const auto got = judge(run);
  BOOST_TEST(bench::to_string(got.says) == std::string("valid"));
  BOOST_TEST(got.reasons.empty());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bench_verdict_suite)

BOOST_AUTO_TEST_CASE(a_good_run_is_valid) { expect_valid(good_run()); }

BOOST_AUTO_TEST_CASE(a_late_generator_is_invalid) {
  auto run = good_run();
  run.lag_p99_us = 10.1;
  expect_only(run, verdict::invalid, "lag");
  run.lag_p99_us = 10;
  expect_valid(run);
  run.lag_p99_us = 50;
  run.open_loop = false;  // a closed loop has no schedule to be late for
  expect_valid(run);
}

BOOST_AUTO_TEST_CASE(a_busy_core_is_invalid) {
  auto run = good_run();
  run.busiest_core = 0.90;
  expect_only(run, verdict::invalid, "busy");
  run.busiest_core = 0.899;
  expect_valid(run);
}

BOOST_AUTO_TEST_CASE(a_rate_that_was_not_sent_is_invalid) {
  auto run = good_run();
  run.sent_rate = 9'899;
  expect_only(run, verdict::invalid, "asked");
  run.sent_rate = 9'900;
  expect_valid(run);
}

BOOST_AUTO_TEST_CASE(a_run_that_breaks_littles_law_is_invalid) {
  auto run = good_run();
  run.mean_in_flight = 1.12;
  expect_only(run, verdict::invalid, "Little");
  run.mean_in_flight = 0.90;
  expect_only(run, verdict::invalid, "Little");
  run.mean_in_flight = 1.1;
  expect_valid(run);
}

BOOST_AUTO_TEST_CASE(a_lost_connection_is_suspect) {
  auto run = good_run();
  run.connections_lost = 1;
  expect_only(run, verdict::suspect, "lost");
}

BOOST_AUTO_TEST_CASE(halves_that_differ_are_suspect) {
  auto run = good_run();
  run.second_half_rate = 9'499;
  expect_only(run, verdict::suspect, "halves");
  run.second_half_rate = 9'501;
  expect_valid(run);
}

BOOST_AUTO_TEST_CASE(shared_cores_are_suspect) {
  auto run = good_run();
  run.shares_cores = true;
  expect_only(run, verdict::suspect, "CPUs");
}

BOOST_AUTO_TEST_CASE(too_few_samples_are_suspect) {
  auto run = good_run();
  run.requests = 569;
  expect_only(run, verdict::suspect, "samples");
  run.requests = 570;
  expect_valid(run);
}

BOOST_AUTO_TEST_CASE(invalid_outweighs_suspect_and_comes_first) {
  auto run = good_run();
  run.connections_lost = 3;
  run.busiest_core = 1;
  const auto got = judge(run);
  BOOST_TEST(bench::to_string(got.says) == std::string("invalid"));
  BOOST_REQUIRE(got.reasons.size() == 2U);
  BOOST_TEST(got.reasons[0].find("busy") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
