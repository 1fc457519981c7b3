// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/expand.hpp>

#include "tests/config/fixtures.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace shoal::config {
namespace {

std::string expanded(std::string_view text) {
  static const environment_lookup lookup =
      test::made_up({{"PORT", "80"}, {"EMPTY", ""}, {"DOLLAR", "${PORT}"}, {"_x9", "y"}}).environment;
  const auto value = expand(text, lookup);
  return value ? *value : "error: " + value.error().hint;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(variables)

BOOST_AUTO_TEST_CASE(are_replaced) {
  BOOST_TEST(expanded("127.0.0.1:${PORT}") == "127.0.0.1:80");
  BOOST_TEST(expanded("${PORT}${PORT}-${_x9}") == "8080-y");
  BOOST_TEST(expanded("${EMPTY}") == "");
  BOOST_TEST(expanded("${NO:-81}") == "81");
  BOOST_TEST(expanded("${EMPTY:-81}") == "81");
  BOOST_TEST(expanded("${PORT:-81}") == "80");
  BOOST_TEST(expanded("${NO:-}") == "");
  BOOST_TEST(expanded("${NO:-a:-b}") == "a:-b");
}

BOOST_AUTO_TEST_CASE(are_not_replaced_twice) { BOOST_TEST(expanded("${DOLLAR}") == "${PORT}"); }

BOOST_AUTO_TEST_CASE(leave_dollars_alone) {
  BOOST_TEST(expanded("$$") == "$");
  BOOST_TEST(expanded("$${PORT}") == "${PORT}");
  BOOST_TEST(expanded("$$$$") == "$$");
  BOOST_TEST(expanded("$client ^a$") == "$client ^a$");
}

BOOST_AUTO_TEST_CASE(that_are_not_set_are_an_error) {
  BOOST_TEST(expanded("${NO}") == "error: set it, or write `${NO:-default}`");
  BOOST_TEST(expanded("${PORT") == "error: write `$$` for a dollar");
  for (const char* const text : {"${}", "${9A}", "${A B}", "${A-b}", "${:-x}", "${PORT:80}", "${a.b}"}) {
    BOOST_TEST(expanded(text).starts_with("error: "), text);
  }
}

BOOST_AUTO_TEST_CASE(escaped_text_expands_to_itself) {
  for (const char* const text : {"", "$", "${PORT}", "a$$b", "plain"})
    BOOST_TEST(expanded(escape_dollars(text)) == text);
}

BOOST_AUTO_TEST_CASE(can_be_of_any_type_and_add_no_keys) {
  const auto around = test::made_up({{"SHARDS", "4"}, {"SPIN", "50us"}, {"LOG", "false"}, {"BAD", "x\nlisteners: []"}});
  const std::string rest = test::with_listener("bind: \"127.0.0.1:1\", upstream: demo");
  const proxy_config config =
      test::good("runtime: { shards: \"${SHARDS}\", idle_spin: '${SPIN}' }\naccess_log: ${LOG}\n" + rest, around);
  BOOST_TEST(config.runtime.shards.count == 4U);
  BOOST_TEST((config.runtime.idle_spin == std::chrono::microseconds{50}));
  BOOST_TEST(!config.access_log.has_value());
  BOOST_TEST(test::errors_of("runtime: { shards: \"${BAD}\" }\n" + rest, around) ==
             "x.yaml:1:20: runtime.shards: `x\\nlisteners: []` is not a number (`auto`, `cores` or 1 to 1024)\n");
  BOOST_TEST(test::errors_of("${SHARDS}: 1\n" + rest, around).starts_with("x.yaml:1:1: ${SHARDS}: unknown key"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::config
