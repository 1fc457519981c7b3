// SPDX-License-Identifier: Apache-2.0
// Skipping a test case with a reason that ./scripts/test repeats in its last lines.
//
//   if (!has_ipv6()) SHOAL_SKIP("no IPv6 on this machine");
//
// Thread rule: call it from the test's main thread, at the start of a BOOST_AUTO_TEST_CASE: it returns from it.
#pragma once

#include <boost/test/unit_test.hpp>

#include <iostream>
#include <string_view>

namespace shoal::test {

inline void say_skipped(std::string_view reason) {
  const auto& test_case = boost::unit_test::framework::current_test_case();
  std::cout << "SKIP: " << test_case.full_name() << ": " << reason << std::endl;
  BOOST_TEST(true);  // or Boost.Test complains of a case without assertions
}

}  // namespace shoal::test

#define SHOAL_SKIP(reason)              \
  do {                                  \
    ::shoal::test::say_skipped(reason); \
    return;                             \
  } while (false)
