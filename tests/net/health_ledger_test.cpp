// SPDX-License-Identifier: Apache-2.0
// What follows from checks and failures, without a network.
#include <shoal/net/upstream/health_ledger.hpp>

#include <shoal/net/upstream/endpoint_fault.hpp>
#include <shoal/net/upstream/health_probe.hpp>
#include <shoal/net/upstream/upstream_health.hpp>

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>

using shoal::health_check_options;
using shoal::health_ledger;
using shoal::instant;
using shoal::outlier_options;
using namespace std::chrono_literals;

namespace {

const health_check_options usual_check;

std::string text(const std::optional<shoal::health_change>& change) { return change ? to_string(*change) : ""; }

std::string released(health_ledger& ledger, instant now) {
  std::optional<shoal::health_change> change;
  std::string all;
  while (ledger.release_one(now, change)) all += text(change) + ";";
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(health_ledger_suite)

BOOST_AUTO_TEST_CASE(fall_and_rise_are_checks_in_a_row) {
  health_ledger ledger{2, &usual_check, nullptr};
  BOOST_TEST(text(ledger.checked(0, false, "connect refused")) == "");
  BOOST_TEST(text(ledger.checked(0, false, "connect refused")) == "");
  BOOST_TEST(text(ledger.checked(0, true, "")) == "");
  BOOST_TEST(text(ledger.checked(0, false, "connect refused")) == "");
  BOOST_TEST(text(ledger.checked(0, false, "connect refused")) == "");
  BOOST_TEST(text(ledger.checked(0, false, "status 503")) == "up -> down: status 503 (1 of 2 left)");
  BOOST_TEST(text(ledger.checked(0, false, "status 503")) == "");
  BOOST_TEST(text(ledger.checked(0, true, "")) == "");
  BOOST_TEST(text(ledger.checked(0, false, "status 503")) == "");
  BOOST_TEST(text(ledger.checked(0, true, "")) == "");
  BOOST_TEST(text(ledger.checked(0, true, "")) == "down -> up: 2 good checks (2 of 2 up)");
  BOOST_TEST((ledger.states() == std::vector<bool>{true, true}));
}

BOOST_AUTO_TEST_CASE(an_ejection_that_checks_confirm_is_no_second_line) {
  const outlier_options outlier;
  health_ledger ledger{3, &usual_check, &outlier};
  const instant start{1h};
  BOOST_TEST(text(ledger.failed(1, "connect timeout", start)) ==
             "up -> down: connect timeout, 5 failures in a row, ejected for 30 s (2 of 3 left)");
  BOOST_TEST(text(ledger.failed(1, "connect timeout", start)) == "");
  for (int i = 0; i < 5; ++i) BOOST_TEST(text(ledger.checked(1, false, "connect refused")) == "");
  BOOST_TEST((ledger.next_release() == start + 30s));
  BOOST_TEST(released(ledger, start + 29s) == "");
  BOOST_TEST(released(ledger, start + 30s) == ";");  // out of ejection, and down by the checks
  BOOST_TEST(!ledger.is_up(1));
  BOOST_TEST((ledger.next_release() == shoal::never));
  BOOST_TEST(text(ledger.checked(1, true, "")) == "");
  BOOST_TEST(text(ledger.checked(1, true, "")) == "down -> up: 2 good checks (3 of 3 up)");
}

BOOST_AUTO_TEST_CASE(ejections_grow_up_to_ten_times_and_are_forgiven) {
  const outlier_options outlier{.base_ejection_time = 10s};
  health_ledger ledger{2, nullptr, &outlier};
  instant now{1h};
  for (int times = 1; times <= 12; ++times) {
    const auto seconds = std::min(times, 10) * 10;
    const auto line = text(ledger.failed(0, "connect refused", now));
    BOOST_TEST(line.contains("ejected for " + std::to_string(seconds) + " s "), line);
    now += 1s * seconds;
    BOOST_TEST(released(ledger, now) == "down -> up: its ejection is over (2 of 2 up);");
  }
  now += 1h;
  BOOST_TEST(text(ledger.failed(0, "connect refused", now)).contains("ejected for 10 s "));
}

BOOST_AUTO_TEST_CASE(the_last_one_up_stays_whatever_took_the_others) {
  const outlier_options outlier{.max_ejection_percent = 100};
  health_ledger ledger{2, &usual_check, &outlier};
  for (int i = 0; i < 3; ++i) static_cast<void>(ledger.checked(0, false, "connect refused"));
  BOOST_TEST(text(ledger.failed(1, "connect refused", instant{1h})) == "");
  // A check says so although it is the last one: it does not answer.
  for (int i = 0; i < 2; ++i) static_cast<void>(ledger.checked(1, false, "connect refused"));
  BOOST_TEST(text(ledger.checked(1, false, "connect refused")).ends_with("(0 of 2 left)"));
  health_ledger single{1, nullptr, &outlier};
  BOOST_TEST(text(single.failed(0, "connect refused", instant{1h})) == "");
}

BOOST_AUTO_TEST_CASE(a_share_means_at_most) {
  for (const auto& [percent, most] : {std::pair{0U, 0U}, {9U, 0U}, {10U, 1U}, {33U, 3U}, {50U, 5U}, {100U, 9U}}) {
    const outlier_options outlier{.max_ejection_percent = percent};
    health_ledger ledger{10, nullptr, &outlier};
    for (std::size_t i = 0; i < 10; ++i) static_cast<void>(ledger.failed(i, "connect refused", instant{1h}));
    BOOST_TEST(ledger.ejected() == most);
  }
}

BOOST_AUTO_TEST_CASE(status_lines) {
  const auto why = [](std::string_view line) {
    const auto found = shoal::judge_status_line(line, usual_check);
    return found.good ? std::string{"good"} : found.why;
  };
  for (const char* line : {"HTTP/1.1 200 OK\r\n", "HTTP/1.0 399\r\n", "HTTP/1.1 204 \n"}) {
    BOOST_TEST(why(line) == "good", line);
  }
  BOOST_TEST(why("HTTP/1.1 199 x\r\n") == "status 199");
  BOOST_TEST(why("HTTP/1.1 503 Service Unavailable\r\n") == "status 503");
  for (const char* line : {"", "\r\n", "HTTP/1.1\r\n", "HTTP/1.1 20\r\n", "HTTP/2 200\r\n", "220 mail ESMTP\r\n",
                           "HTTP/1.1 +20 OK\r\n", "HTTP/1.1  200\r\n"}) {
    BOOST_TEST(why(line) == "no HTTP answer", line);
  }
}

BOOST_AUTO_TEST_CASE(whose_fault_it_is) {
  using shoal::is_endpoints_fault;
  const auto system = [](int number) { return std::error_code{number, std::system_category()}; };
  for (const int number : {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNRESET, ENOENT}) {
    BOOST_TEST(is_endpoints_fault(system(number)), number);
  }
  for (const int number : {EMFILE, ENFILE, EADDRNOTAVAIL, ENOBUFS, ENOMEM, EPERM, EACCES}) {
    BOOST_TEST(!is_endpoints_fault(system(number)), number);
  }
  BOOST_TEST(is_endpoints_fault(make_error_code(shoal::errc::connect_timeout)));
  for (const auto code : {shoal::errc::stopped, shoal::errc::cancelled, shoal::errc::no_memory}) {
    BOOST_TEST(!is_endpoints_fault(make_error_code(code)));
  }
  BOOST_TEST(!is_endpoints_fault({}));
  BOOST_TEST(shoal::connect_words(system(ECONNREFUSED)) == "connect refused");
  BOOST_TEST(shoal::connect_words(make_error_code(shoal::errc::connect_timeout)) == "connect timeout");
  BOOST_TEST(shoal::connect_words(system(EHOSTUNREACH)) == "connect: No route to host");
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_refused_by_name) {
  shoal::runtime r;
  const auto refused = [&](auto change) {
    shoal::upstream_health_options options{.name = "api", .endpoints = {}, .check = health_check_options{}};
    options.outlier.emplace();
    change(options);
    BOOST_CHECK_EXCEPTION(shoal::upstream_health(r, options), std::invalid_argument, [](const auto& error) {
      return std::string_view{error.what()}.starts_with("health of upstream api: ");
    });
  };
  refused([](auto& o) { o.check->interval = 0s; });
  refused([](auto& o) { o.check->timeout = 0s; });
  refused([](auto& o) { o.check->fall = 0; });
  refused([](auto& o) { o.check->path = "healthz"; });
  refused([](auto& o) { o.outlier->consecutive_failures = 0; });
  refused([](auto& o) { o.outlier->max_ejection_percent = 101; });
}

BOOST_AUTO_TEST_SUITE_END()
