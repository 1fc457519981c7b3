// SPDX-License-Identifier: Apache-2.0
// Which entry a server name finds.
#include <shoal/net/sni/server_names.hpp>

#include <boost/test/unit_test.hpp>

using shoal::server_names;

namespace {

std::size_t found(const server_names& names, std::string_view name) { return names.find(name).value_or(0); }

}  // namespace

BOOST_AUTO_TEST_SUITE(server_names_suite)

BOOST_AUTO_TEST_CASE(the_longest_that_matches_counts) {
  server_names names;
  BOOST_TEST(names.empty());
  BOOST_TEST(names.add("*", 1));
  BOOST_TEST(names.add("*.example.com", 2));
  BOOST_TEST(names.add("*.db.example.com", 3));
  BOOST_TEST(names.add("DB.example.com", 4));
  BOOST_TEST(!names.empty());
  BOOST_TEST(found(names, "db.example.com") == 4U);
  BOOST_TEST(found(names, "a.db.example.com") == 3U);
  BOOST_TEST(found(names, "b.a.db.example.com") == 3U);
  BOOST_TEST(found(names, "web.example.com") == 2U);
  BOOST_TEST(found(names, "a.web.example.com") == 2U);
  BOOST_TEST(found(names, "example.com") == 1U);
  BOOST_TEST(found(names, "badexample.com") == 1U);
  BOOST_TEST(found(names, "com") == 1U);
  BOOST_TEST(found(names, "") == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_rest_others_find_nothing) {
  server_names names;
  BOOST_TEST(names.add("*.example.com", 2));
  BOOST_TEST(found(names, "a.example.com") == 2U);
  BOOST_TEST(!names.find("example.com").has_value());
  BOOST_TEST(!names.find("").has_value());
}

BOOST_AUTO_TEST_CASE(the_same_twice_is_refused) {
  server_names names;
  for (const char* const name : {"*", "*.a.b", "a.b"}) {
    BOOST_TEST(names.add(name, 1));
    BOOST_TEST(!names.add(name, 2));
  }
  BOOST_TEST(!names.add("A.B", 2));
  BOOST_TEST(found(names, "a.b") == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
