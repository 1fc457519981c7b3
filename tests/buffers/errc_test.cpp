// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/errc.hpp>

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

namespace shoal::test {

BOOST_AUTO_TEST_SUITE(errc_values)

BOOST_AUTO_TEST_CASE(every_code_says_what_it_means) {
  std::set<std::string> messages;
  for (int value = 1; value <= static_cast<int>(errc::resolve_timeout); ++value) {
    const std::error_code code{value, error_category()};
    BOOST_TEST(code.message() != "unknown error");
    BOOST_TEST(messages.insert(code.message()).second);
  }
  BOOST_TEST(std::string{error_category().name()} == "shoal");
  BOOST_TEST((std::error_code{999, error_category()}.message()) == "unknown error");
}

BOOST_AUTO_TEST_CASE(equals_the_standard_error_of_the_same_meaning) {
  const auto equals = [](errc ours, std::errc standard) { return make_error_code(ours) == standard; };
  BOOST_TEST(equals(errc::closed, std::errc::not_connected));
  for (const errc timeout : {errc::read_timeout, errc::write_timeout, errc::idle_timeout, errc::connect_timeout,
                             errc::half_closed_timeout, errc::timed_out, errc::resolve_timeout})
    BOOST_TEST(equals(timeout, std::errc::timed_out));
  BOOST_TEST(equals(errc::stopped, std::errc::operation_canceled));
  BOOST_TEST(equals(errc::cancelled, std::errc::operation_canceled));
  BOOST_TEST(equals(errc::concurrent_access, std::errc::operation_in_progress));
  BOOST_TEST(equals(errc::message_too_long, std::errc::message_size));
  BOOST_TEST(equals(errc::would_block, std::errc::operation_would_block));
  BOOST_TEST(equals(errc::no_memory, std::errc::not_enough_memory));
  BOOST_TEST(equals(errc::invalid_argument, std::errc::invalid_argument));
  BOOST_TEST(equals(errc::not_supported, std::errc::not_supported));
  BOOST_TEST(equals(errc::address_in_use, std::errc::address_in_use));
  BOOST_TEST(equals(errc::no_endpoint, std::errc::host_unreachable));
}

BOOST_AUTO_TEST_CASE(equals_no_standard_error_by_accident) {
  for (const errc code : {errc::not_enough_data, errc::eof, errc::unreleased, errc::stale_connection,
                          errc::handler_failed, errc::name_not_found, errc::no_address, errc::name_server_failed}) {
    const std::error_condition condition = make_error_code(code).default_error_condition();
    BOOST_TEST((condition.category() == error_category()));
  }
  BOOST_TEST((make_error_code(errc::eof) != std::errc::not_connected));  // an end is not a close
}

BOOST_AUTO_TEST_CASE(an_errno_stays_an_errno) {
  const result<int> refused = fail_errno(ECONNREFUSED);
  BOOST_TEST((refused.error() == std::errc::connection_refused));
  BOOST_TEST((refused.error().category() == std::system_category()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
