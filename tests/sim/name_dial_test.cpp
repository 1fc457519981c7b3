// SPDX-License-Identifier: Apache-2.0
// Dialling by name in a simulated world: happy eyeballs, and which error comes of many.
#include <shoal/net/dialer.hpp>
#include <tests/sim/name_dial_stage.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

using shoal::errc;
using shoal::record_kind;
using namespace shoal::test;
using namespace std::chrono_literals;
using shoal::sim::never_answers;

BOOST_AUTO_TEST_SUITE(name_dial)

BOOST_AUTO_TEST_CASE(ipv6_comes_first_when_both_live) {
  dial_stage s;
  s.names.set("db.example", {.addresses = {live_v4, live_v6}});
  const auto out = s.dial({.target = "db.example:80"});
  BOOST_TEST(!out.error, out.error.message());
  BOOST_TEST(out.remote == "[fd00::2]:80");
  BOOST_TEST(out.took < 5ms);
  BOOST_TEST(out.failures.empty());
}

BOOST_AUTO_TEST_CASE(numbers_and_forms_of_target) {
  dial_stage s;
  BOOST_TEST(s.dial({.target = "10.0.0.2:80"}).remote == "10.0.0.2:80");
  BOOST_TEST(s.dial({.target = "[fd00::2]:80"}).remote == "[fd00::2]:80");
  for (const char* bad : {"", "db.example", "db.example:", "db.example:0", "db.example:70000", ":80", "a:b:80",
                          "unix:", "http://db.example:80", "db.example:80x"}) {
    BOOST_TEST((s.dial({.target = bad}).error == errc::invalid_argument), bad);
  }
  BOOST_TEST((s.dial({.target = "no such:80"}).error == errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(a_slow_ipv6_answer_is_waited_for_50_ms) {
  dial_stage s;
  s.names.set("db.example", {.addresses = {live_v4}});
  s.names.set("db.example", record_kind::ipv6, {.addresses = {live_v6}, .delay = 40ms});
  const auto soon = s.dial({.target = "db.example:80"});
  BOOST_TEST(soon.remote == "[fd00::2]:80");
  BOOST_TEST(about(soon.took, 40ms));
  s.names.set("late.example", {.addresses = {live_v4}});
  s.names.set("late.example", record_kind::ipv6, {.addresses = {live_v6}, .delay = 300ms});
  const auto late = s.dial({.target = "late.example:80"});
  BOOST_TEST(late.remote == "10.0.0.2:80");
  BOOST_TEST(about(late.took, 50ms));
  // No IPv6 at all is known at once, and nothing is waited for.
  s.names.set("four.example", record_kind::ipv4, {.addresses = {live_v4}});
  s.names.set("four.example", record_kind::ipv6, {.error = errc::no_address});
  BOOST_TEST(s.dial({.target = "four.example:80"}).took < 5ms);
}

BOOST_AUTO_TEST_CASE(a_dead_ipv6_costs_250_ms) {
  dial_stage s;
  s.names.set("db.example", {.addresses = {dead_v6, live_v4}});
  const auto out = s.dial({.target = "db.example:80"});
  BOOST_TEST(out.remote == "10.0.0.2:80");
  BOOST_TEST(about(out.took, 250ms));
}

BOOST_AUTO_TEST_CASE(attempts_overlap_and_who_comes_second_is_closed) {
  auto far = shoal::sim::perfect_network();
  far.latency = {300ms, 300ms};
  dial_stage s{1, far};
  s.names.set("db.example", {.addresses = {live_v6, live_v4}});
  const auto out = s.dial({.target = "db.example:80", .hold = 2s});
  BOOST_TEST(out.remote == "[fd00::2]:80");
  BOOST_TEST(about(out.took, 600ms));  // the second attempt was under way by then
  BOOST_TEST(s.w.run_until([&] { return s.server->connections() == 0; }, 10s));
}

BOOST_AUTO_TEST_CASE(a_refused_attempt_is_followed_at_once) {
  dial_stage s;
  s.names.set("db.example", {.addresses = {live_v6, live_v4}});
  const auto out = s.dial({.target = "db.example:81"});  // IPv4 only
  BOOST_TEST(out.remote == "10.0.0.2:81");
  BOOST_TEST(out.took < 5ms);
  BOOST_TEST(words(out.failures) == "[fd00::2]:81=111 ");
}

BOOST_AUTO_TEST_CASE(a_refusal_is_followed_at_once_also_while_another_attempt_hangs) {
  dial_stage s;
  s.names.set("db.example", {.addresses = {dead_v6, "10.0.0.1", live_v4}});
  const auto out = s.dial({.target = "db.example:81"});
  BOOST_TEST(out.remote == "10.0.0.2:81");
  BOOST_TEST(about(out.took, 250ms));
  BOOST_TEST(words(out.failures) == "10.0.0.1:81=111 ");
}

BOOST_AUTO_TEST_CASE(the_families_take_turns) {
  dial_stage s;
  s.names.set("db.example", {.addresses = {dead_v6, "fd00::98", dead_v4, "10.0.0.98"}});
  const auto out = s.dial({.target = "db.example:80", .options = {.timeout = 2s}});
  BOOST_TEST((out.error == errc::connect_timeout));
  BOOST_TEST(about(out.took, 2s));
  const int late = static_cast<int>(errc::connect_timeout);
  std::string expected;
  for (const char* where : {"[fd00::99]:80", "10.0.0.99:80", "[fd00::98]:80", "10.0.0.98:80"}) {
    expected += where + ("=" + std::to_string(late)) + " ";
  }
  BOOST_TEST(words(out.failures) == expected);
  BOOST_TEST(to_string(out.failures).starts_with("[fd00::99]:80: connect timeout"));
}

BOOST_AUTO_TEST_CASE(an_answer_that_comes_later_still_counts) {
  dial_stage s;
  s.names.set("db.example", {.addresses = {dead_v4}});
  s.names.set("db.example", record_kind::ipv6, {.addresses = {live_v6}, .delay = 700ms});
  const auto out = s.dial({.target = "db.example:80"});
  BOOST_TEST(out.remote == "[fd00::2]:80");
  BOOST_TEST(about(out.took, 700ms));
}

BOOST_AUTO_TEST_CASE(of_several_errors_the_most_telling) {
  dial_stage s;
  s.names.set("refused.example", {.addresses = {live_v6, live_v4}});
  BOOST_TEST((s.dial({.target = "refused.example:9"}).error == std::errc::connection_refused));
  s.names.set("mixed.example", {.addresses = {dead_v6, live_v4}});
  const auto mixed = s.dial({.target = "mixed.example:9", .options = {.timeout = 1s}});
  BOOST_TEST((mixed.error == std::errc::connection_refused));  // somebody answered
  BOOST_TEST(about(mixed.took, 1s));
  BOOST_TEST((s.dial({.target = "nobody.example:80"}).error == errc::name_not_found));
  s.names.set("empty.example", {});
  BOOST_TEST((s.dial({.target = "empty.example:80"}).error == errc::no_address));
  s.names.set("broken.example", {.error = errc::name_server_failed});
  s.names.set("broken.example", record_kind::ipv6, {.error = errc::no_address});
  BOOST_TEST((s.dial({.target = "broken.example:80"}).error == errc::name_server_failed));
  // Half a name is as good as one.
  s.names.set("half.example", {.addresses = {live_v4}});
  s.names.set("half.example", record_kind::ipv6, {.error = errc::name_server_failed});
  BOOST_TEST(s.dial({.target = "half.example:80"}).remote == "10.0.0.2:80");
}

BOOST_AUTO_TEST_CASE(one_timeout_over_the_name_and_the_connection) {
  dial_stage s;
  s.names.set("silent.example", {.delay = never_answers});
  const auto silent = s.dial({.target = "silent.example:80", .options = {.timeout = 300ms}});
  BOOST_TEST((silent.error == errc::resolve_timeout));
  BOOST_TEST((silent.error == std::errc::timed_out));
  BOOST_TEST(about(silent.took, 300ms));
  s.names.set("slow.example", {.addresses = {dead_v4}, .delay = 200ms});
  const auto slow = s.dial({.target = "slow.example:80", .options = {.timeout = 300ms}});
  BOOST_TEST((slow.error == errc::connect_timeout));
  BOOST_TEST(about(slow.took, 300ms));
}

BOOST_AUTO_TEST_CASE(a_source_address_chooses_the_family) {
  dial_stage s;
  s.names.set("db.example", {.addresses = {live_v6, live_v4}});
  const auto out = s.dial({.target = "db.example:80", .options = {.source = *shoal::parse_address("10.0.0.1:0")}});
  BOOST_TEST(out.remote == "10.0.0.2:80");
  BOOST_TEST(out.local == "10.0.0.1:0");
  const auto foreign = s.dial({.target = "db.example:80", .options = {.source = *shoal::parse_address("10.0.0.77:0")}});
  BOOST_TEST((foreign.error == std::errc::address_not_available));
  const auto family = s.dial({.target = "db.example:80", .options = {.families = shoal::address_families::ipv4}});
  BOOST_TEST(family.remote == "10.0.0.2:80");
}

BOOST_AUTO_TEST_CASE(hooks_beyond_prepare_run_for_the_winner_only) {
  dial_stage s;
  std::string events;
  auto profile = shoal::make_profile();
  profile->hooks.on_prepare = [&](shoal::connection& c) {
    events += "prepare ";
    c.add_close_callback([&](shoal::connection&) { events += "callback "; });
  };
  profile->hooks.on_connect = [&](shoal::connection&) { events += "connect "; };
  profile->hooks.on_disconnect = [&](shoal::connection&, std::error_code) { events += "disconnect "; };
  s.names.set("db.example", {.addresses = {dead_v6, live_v4}});
  const auto out = s.dial({.target = "db.example:80", .profile = profile, .hold = 1s});
  BOOST_TEST(out.remote == "10.0.0.2:80");
  BOOST_TEST(events == "prepare prepare connect callback disconnect callback ");
}

BOOST_AUTO_TEST_CASE(without_descriptors_it_fails_by_that_name) {
  dial_stage s;
  s.names.set("db.example", {.addresses = {live_v6, live_v4}});
  s.client_host->set_descriptor_limit(0);
  const auto out = s.dial({.target = "db.example:80"});
  BOOST_TEST((out.error == std::errc::too_many_files_open));
  BOOST_TEST(out.failures.size() == 2U);
}

BOOST_AUTO_TEST_CASE(answers_are_remembered) {
  dial_stage s;
  s.names.set("db.example", {.addresses = {live_v6, live_v4}, .ttl = 30s, .delay = 20ms});
  BOOST_TEST(about(s.dial({.target = "db.example:80"}).took, 20ms));
  BOOST_TEST(s.dial({.target = "DB.example:80"}).took < 5ms);
  s.w.run_for(30s);
  BOOST_TEST(about(s.dial({.target = "db.example:80"}).took, 20ms));
  BOOST_TEST(s.names.times_asked("db.example", record_kind::ipv4) == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
