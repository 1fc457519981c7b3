// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/metrics_text.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>

BOOST_AUTO_TEST_SUITE(metrics_text_suite)

BOOST_AUTO_TEST_CASE(samples_stand_under_the_name_of_their_metric) {
  shoal::metrics_text page;
  page.counter("shoal_turns_total", "Turns");
  page.sample({{"shard", "0"}}, std::uint64_t{17});
  page.sample({{"shard", "1"}}, std::uint64_t{18'446'744'073'709'551'615U});
  page.gauge("shoal_busy_ratio", "Busy");
  page.sample({}, 0.25);
  BOOST_TEST(page.text() == "# HELP shoal_turns_total Turns\n# TYPE shoal_turns_total counter\n"
                            "shoal_turns_total{shard=\"0\"} 17\nshoal_turns_total{shard=\"1\"} 18446744073709551615\n"
                            "# HELP shoal_busy_ratio Busy\n# TYPE shoal_busy_ratio gauge\nshoal_busy_ratio 0.25\n");
}

BOOST_AUTO_TEST_CASE(label_values_hold_any_text) {
  shoal::metrics_text page;
  page.gauge("g", "h");
  page.sample({{"a", "say \"hi\"\\\n"}, {"b", ""}}, std::uint64_t{1});
  BOOST_TEST(page.text().ends_with("g{a=\"say \\\"hi\\\"\\\\\\n\",b=\"\"} 1\n"));
}

BOOST_AUTO_TEST_SUITE_END()
