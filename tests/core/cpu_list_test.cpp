// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/cpu_list.hpp>

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(cpu_list)

BOOST_AUTO_TEST_CASE(reads_what_people_write) {
  using list = std::vector<unsigned>;
  BOOST_TEST((shoal::parse_cpu_list("0") == list{0}));
  BOOST_TEST((shoal::parse_cpu_list("0-3,6") == list{0, 1, 2, 3, 6}));
  BOOST_TEST((shoal::parse_cpu_list("6,2-3,3,2") == list{2, 3, 6}));
}

BOOST_AUTO_TEST_CASE(refuses_the_rest) {
  for (const auto* text :
       {"", ",", "0,", "-1", "3-1", "0--1", "1-", " 1", "0x1", "a", "1;2", "99999999999", "0-4000000000"}) {
    BOOST_TEST_CONTEXT(text) BOOST_TEST(!shoal::parse_cpu_list(text).has_value());
  }
}

BOOST_AUTO_TEST_CASE(writes_ranges) {
  BOOST_TEST(shoal::to_cpu_list({}) == "");
  BOOST_TEST(shoal::to_cpu_list(std::vector<unsigned>{5}) == "5");
  BOOST_TEST(shoal::to_cpu_list(std::vector<unsigned>{0, 1, 2, 3, 6, 8, 9}) == "0-3,6,8-9");
}

BOOST_AUTO_TEST_SUITE_END()
