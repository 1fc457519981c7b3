// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/host/inherited_sockets.hpp>

#include <boost/test/unit_test.hpp>

#include <vector>

using shoal::errc;
using shoal::inherited_socket;
using shoal::parse_inherited;
using shoal::resolve_inherited;

BOOST_AUTO_TEST_SUITE(inherited_sockets_suite)

BOOST_AUTO_TEST_CASE(numbers_start_at_three_and_names_go_with_them) {
  const auto found = parse_inherited("42", "3", "web:db", 42);
  BOOST_REQUIRE(found.size() == 3U);
  BOOST_TEST(found[0].fd == 3);
  BOOST_TEST(found[0].name == "web");
  BOOST_TEST(found[1].fd == 4);
  BOOST_TEST(found[1].name == "db");
  BOOST_TEST(found[2].fd == 5);
  BOOST_TEST(found[2].name == "unknown");
}

BOOST_AUTO_TEST_CASE(what_is_meant_for_another_process_or_malformed_is_nothing) {
  BOOST_TEST(parse_inherited("41", "1", nullptr, 42).empty());
  BOOST_TEST(parse_inherited(nullptr, "1", nullptr, 42).empty());
  BOOST_TEST(parse_inherited("42", nullptr, nullptr, 42).empty());
  for (const char* count : {"", "x", "-1", "1x", "99999999", "99999999999999999999"}) {
    BOOST_TEST(parse_inherited("42", count, nullptr, 42).empty(), count);
  }
  BOOST_TEST(parse_inherited("", "1", nullptr, 42).empty());
}

BOOST_AUTO_TEST_CASE(a_name_may_stand_for_several_and_a_number_for_any_descriptor) {
  const std::vector<inherited_socket> inherited{{3, "web"}, {4, "db"}, {5, "web"}};
  BOOST_TEST((resolve_inherited("web", inherited).value() == std::vector{3, 5}));
  BOOST_TEST((resolve_inherited("4", inherited).value() == std::vector{4}));
  BOOST_TEST((resolve_inherited("17", inherited).value() == std::vector{17}));
  for (const char* wrong : {"", "mail", "2", "0", "-1", "3x"}) {
    BOOST_TEST((resolve_inherited(wrong, inherited).error() == errc::invalid_argument), wrong);
  }
}

BOOST_AUTO_TEST_SUITE_END()
