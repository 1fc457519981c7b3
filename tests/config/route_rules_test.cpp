// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_rules.hpp"
#include "tests/config/fixtures.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace shoal::config {
namespace {

std::string routes(std::string_view list) {
  return test::errors_of("listeners:\n  - bind: \"127.0.0.1:0\"\n    protocol: http\n    routes:\n" +
                             std::string(list) + "upstreams: [ { name: a, endpoints: [ \"10.0.0.1:80\" ] } ]\n",
                         test::from_the_future());
}

// Whether the first match leaves the second without requests.
bool is_shadowed(std::string_view first, std::string_view second) {
  const std::string errors = routes("      - { upstream: a, match: { " + std::string(first) +
                                    " } }\n      - { upstream: a, match: { " + std::string(second) + " } }\n");
  BOOST_TEST(
      (errors.empty() || errors.contains("x.yaml:6:9: listeners[0].routes[1]: never matches: the route on line 5")),
      errors);
  return !errors.empty();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(routes_of_a_listener)

BOOST_AUTO_TEST_CASE(are_shadowed_by_wider_ones) {
  BOOST_TEST(is_shadowed("", "path: /a"));
  BOOST_TEST(is_shadowed("path_prefix: /", "path: /a"));
  BOOST_TEST(is_shadowed("path_prefix: /", ""));
  BOOST_TEST(is_shadowed("path_prefix: /v1", "path_prefix: /v1/users"));
  BOOST_TEST(is_shadowed("path_prefix: /v1/", "path: /v1"));
  BOOST_TEST(is_shadowed("path: /a", "path: /a"));
  BOOST_TEST(is_shadowed("path_regex: /a+", "path_regex: /a+"));
  BOOST_TEST(is_shadowed("host: A.example.com", "host: a.example.com"));
  BOOST_TEST(is_shadowed("host: \"*.example.com\"", "host: a.example.com"));
  BOOST_TEST(is_shadowed("host: \"*.example.com\"", "host: \"*.b.example.com\""));
  BOOST_TEST(is_shadowed("method: [ GET, POST ]", "method: GET"));
  BOOST_TEST(is_shadowed("headers: { a: 1 }", "headers: { a: 1, b: 2 }"));
  BOOST_TEST(is_shadowed("source: 10.0.0.0/8", "source: [ 10.0.0.0/8 ], path: /x"));
}

BOOST_AUTO_TEST_CASE(are_not_shadowed_by_narrower_ones) {
  BOOST_TEST(!is_shadowed("path: /a", ""));
  BOOST_TEST(!is_shadowed("path_prefix: /v1", "path_prefix: /v10"));
  BOOST_TEST(!is_shadowed("path_prefix: /v1", "path_prefix: /"));
  BOOST_TEST(!is_shadowed("path_prefix: /v1", "path_regex: /v1/.*"));
  BOOST_TEST(!is_shadowed("host: a.example.com", "host: b.example.com"));
  BOOST_TEST(!is_shadowed("host: \"*.example.com\"", "host: example.com"));
  BOOST_TEST(!is_shadowed("host: a.example.com", "path: /"));
  BOOST_TEST(!is_shadowed("method: GET", "method: [ GET, POST ]"));
  BOOST_TEST(!is_shadowed("method: GET", ""));
  BOOST_TEST(!is_shadowed("headers: { a: 1 }", "headers: { a: 2 }"));
  BOOST_TEST(!is_shadowed("query: { a: 1 }", "path: /"));
}

BOOST_AUTO_TEST_CASE(do_one_thing) {
  BOOST_TEST(routes("      - { match: { path: /a } }\n").contains("listeners[0].routes[0]: does nothing"));
  BOOST_TEST(routes("      - { upstream: a, respond: { status: 200 } }\n")
                 .contains("routes[0].upstream: `respond` is given too"));
  BOOST_TEST(routes("      - { upstream: a, match: { path: /a, path_prefix: / } }\n")
                 .contains("match.path_prefix: `path` is given too"));
  BOOST_TEST(
      routes("      - { upstreams: [ { name: b } ] }\n").contains("routes[0].upstreams[0].name: unknown upstream `b`"));
  BOOST_TEST(routes("      - { redirect: { to: /new, status: 304 } }\n")
                 .contains("routes[0].redirect.status: 304 is no redirect"));
  BOOST_TEST(routes("      - { redirect: { to: /new } }\n") == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::config
