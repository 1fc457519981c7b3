// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/values/duration.hpp>
#include <shoal/net/config/values/number.hpp>
#include <shoal/net/config/values/rate.hpp>
#include <shoal/net/config/values/size.hpp>

#include <boost/test/unit_test.hpp>

#include <clocale>
#include <string>

namespace shoal::config {
namespace {

using namespace std::chrono_literals;

bool is_duration(std::string_view text, duration wanted) {
  const auto value = parse_duration(text);
  return value.has_value() && *value == wanted;
}

bool is_size(std::string_view text, std::uint64_t wanted) {
  const auto value = parse_size(text);
  return value.has_value() && *value == wanted;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(duration_values)

BOOST_AUTO_TEST_CASE(every_unit_is_exact) {
  BOOST_TEST(is_duration("1ns", 1ns));
  BOOST_TEST(is_duration("250us", 250us));
  BOOST_TEST(is_duration("10ms", 10ms));
  BOOST_TEST(is_duration("5s", 5s));
  BOOST_TEST(is_duration("2m", 2min));
  BOOST_TEST(is_duration("1h", 1h));
  BOOST_TEST(is_duration("365d", std::chrono::days{365}));
  BOOST_TEST(is_duration("0", 0s));
  BOOST_TEST(is_duration("0s", 0s));
  BOOST_TEST(is_duration("1m30s", 90s));
  BOOST_TEST(is_duration("007s", 7s));
}

BOOST_AUTO_TEST_CASE(what_is_no_duration_is_refused) {
  for (const char* const text :
       {"", "5", "s", "-5s", "+5s", "5 s", " 5s", "5s ", "5S", "5sec", "1.5s", "1e3s", "5s5", "0x5s", "366d",
        "18446744073709551616s", "18446744073709551615s", "99999999999d", "364d99999999h"}) {
    BOOST_TEST(!parse_duration(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(hints_show_what_would_be_right) {
  BOOST_TEST(parse_duration("30").error().hint == "write `30s` or `30ms`");
  BOOST_TEST(parse_duration("1.5s").error().hint == "use a smaller unit: `1500ms`");
  BOOST_TEST(parse_duration("366d").error().hint == "at most 365d");
}

BOOST_AUTO_TEST_CASE(what_is_written_reads_back) {
  for (const duration value : {duration(0), duration(1), duration(999), duration(1500us), duration(90s),
                               duration(3600s), duration(86400s), duration(86401s)}) {
    BOOST_TEST(is_duration(format_duration(value), value), format_duration(value));
  }
  BOOST_TEST(format_duration(90s) == "90s");
  BOOST_TEST(format_duration(60s) == "60s");
  BOOST_TEST(format_duration(120s) == "2m");
  BOOST_TEST(format_duration(1500us) == "1500us");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(size_values)

BOOST_AUTO_TEST_CASE(every_unit_is_exact) {
  BOOST_TEST(is_size("0", 0));
  BOOST_TEST(is_size("4096", 4096));
  BOOST_TEST(is_size("7B", 7));
  BOOST_TEST(is_size("4KiB", 4096));
  BOOST_TEST(is_size("1MiB", 1048576));
  BOOST_TEST(is_size("2GB", 2000000000));
  BOOST_TEST(is_size("3kB", 3000));
  BOOST_TEST(is_size("3KB", 3000));
  BOOST_TEST(is_size("1024TiB", std::uint64_t{1} << 50));
}

BOOST_AUTO_TEST_CASE(what_is_no_size_is_refused) {
  for (const char* const text :
       {"", "-1", "+1", "1.5MiB", "16k", "16K", "1m", "1g", "1Mib", "1 MiB", "1MiB ", "1025TiB", "MiB",
        "18446744073709551615", "18446744073709551616", "18446744073709551615TiB", "0x10"}) {
    BOOST_TEST(!parse_size(text).has_value(), text);
  }
  BOOST_TEST(parse_size("16k").error().hint == "write `16KiB`");
  BOOST_TEST(parse_size("1g").error().hint == "write `1GiB`");
}

BOOST_AUTO_TEST_CASE(what_is_written_reads_back) {
  for (const std::uint64_t value :
       {0ULL, 1ULL, 1000ULL, 1024ULL, 1536ULL, 65536ULL, 2000000000ULL, 1ULL << 50, (1ULL << 50) - 1}) {
    BOOST_TEST(is_size(format_size(value), value), format_size(value));
  }
  BOOST_TEST(format_size(65536) == "64KiB");
  BOOST_TEST(format_size(2000000000) == "2GB");
  BOOST_TEST(format_size(1537) == "1537");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(rate_values)

BOOST_AUTO_TEST_CASE(rates_have_a_period) {
  BOOST_TEST((parse_rate("1000/s").value() == rate{.count = 1000, .period = 1s}));
  BOOST_TEST((parse_rate("60/m").value() == rate{.count = 60, .period = 1min}));
  BOOST_TEST(format_rate(parse_rate("10/h").value()) == "10/h");
  for (const char* const text :
       {"", "1000", "0/s", "1000/d", "/s", "-1/s", "1.5/s", "1000000001/s", "99999999999999999999/s"}) {
    BOOST_TEST(!parse_rate(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(percentages_are_whole) {
  BOOST_TEST(parse_percent("20%").value() == 20U);
  BOOST_TEST(parse_percent("0").value() == 0U);
  BOOST_TEST(parse_percent("100%").value() == 100U);
  for (const char* const text : {"", "%", "101%", "-1%", "20 %", "20%%", "0.5%"})
    BOOST_TEST(!parse_percent(text).has_value(), text);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(number_values)

BOOST_AUTO_TEST_CASE(numbers_keep_their_range) {
  BOOST_TEST(parse_number("5", 1, 10).value() == 5U);
  BOOST_TEST(parse_number("18446744073709551615", 0, UINT64_MAX).value() == UINT64_MAX);
  for (const char* const text : {"0", "11", "", "5x", "0x5", "1e1", "5.0", " 5", "18446744073709551616"}) {
    BOOST_TEST(!parse_number(text, 1, 10).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(no_locale_changes_them) {
  const char* const before = std::setlocale(LC_ALL, "de_DE.UTF-8");
  BOOST_TEST(parse_number("1000", 0, 5000).value() == 1000U);
  BOOST_TEST(format_size(1234567) == "1234567");
  if (before != nullptr) std::setlocale(LC_ALL, "C");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::config
