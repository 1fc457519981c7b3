// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/nearest.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace shoal::config {
namespace {

constexpr std::string_view words[] = {"name",        "bind", "upstream", "timeouts",   "least_connections",
                                      "round_robin", "on",   "off",      "source_hash"};

std::string_view near(std::string_view word) { return nearest(word, words); }

}  // namespace

BOOST_AUTO_TEST_SUITE(nearest_word)

BOOST_AUTO_TEST_CASE(slips_are_understood) {
  BOOST_TEST(near("upstreem") == "upstream");
  BOOST_TEST(near("usptream") == "upstream");
  BOOST_TEST(near("upstreams") == "upstream");
  BOOST_TEST(near("bidn") == "bind");
  BOOST_TEST(near("timeout") == "timeouts");
  BOOST_TEST(near("ROUND_ROBIN") == "round_robin");
  BOOST_TEST(near("roundRobin") == "round_robin");
  BOOST_TEST(near("roundrobin") == "round_robin");
}

BOOST_AUTO_TEST_CASE(beginnings_are_understood) {
  BOOST_TEST(near("leastconn") == "least_connections");
  BOOST_TEST(near("least_conn") == "least_connections");
  BOOST_TEST(near("source") == "source_hash");
}

BOOST_AUTO_TEST_CASE(other_words_are_not) {
  BOOST_TEST(near("zebra") == "");
  BOOST_TEST(near("x") == "");
  BOOST_TEST(near("") == "");
  BOOST_TEST(near(std::string(100'000, 'u')) == "");
}

BOOST_AUTO_TEST_CASE(spellings_are_one) {
  BOOST_TEST(normalized("healthCheck") == "health_check");
  BOOST_TEST(normalized("health-check") == "health_check");
  BOOST_TEST(normalized("timeout http-request") == "timeout_http_request");
  BOOST_TEST(normalized("tune.bufsize") == "tune_bufsize");
  BOOST_TEST(normalized("ROUND_ROBIN") == "round_robin");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::config
