// SPDX-License-Identifier: Apache-2.0
// The real resolver against a name server of the test's own: answers, errors, TCP, silence, and that nothing blocks.
#include <shoal/core/host/ares_resolver.hpp>

#include <shoal/core/host/hosts_file.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/net/caching_resolver.hpp>
#include <shoal/net/dialer.hpp>
#include <shoal/net/resolve.hpp>
#include <tests/net/dns_server.hpp>
#include <tests/net/net_rig.hpp>
#include <tests/skip.hpp>

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

using shoal::address_families;
using shoal::caching_resolver;
using shoal::dial_options;
using shoal::dialer;
using shoal::duration;
using shoal::errc;
using shoal::name_service_options;
using shoal::resolve_options;
using shoal::resolved_name;
using shoal::result;
using shoal::shard;
using shoal::task;
using shoal::test::dns_server;
using shoal::test::listening_peer;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;
using namespace std::chrono_literals;

namespace {

name_service_options& service() {
  static name_service_options options;
  return options;
}

/// The resolver of a test's shard, ended by the shard's stop like the usual one.
struct test_names {
  explicit test_names(shard& here) : cache(here, shoal::make_ares_resolver(here, service())) {}
  void stop() { cache.stop(); }
  caching_resolver cache;
};

/// One shard whose names come from a server of the test.
class names_rig {
 public:
  explicit names_rig(std::string hosts = "/nonexistent") {
    service() = {.servers = server.where(), .hosts_path = std::move(hosts)};
    rig.server().on_request([](shoal::connection& c) {
      static_cast<void>(c.output().append(c.input().take_all()));
      c.flush();
    });
    rig.start();
  }
  result<resolved_name> find(const std::string& name, address_families families = address_families::any,
                             duration timeout = 5s) {
    return rig.run_task([=] { return look(name, families, timeout); });
  }
  static task<result<resolved_name>> look(std::string name, address_families families, duration timeout) {
    resolve_options options{.port = 80, .families = families, .timeout = timeout};
    options.names = &shard::current().local<test_names>().cache;
    co_return co_await shoal::resolve(name, options);
  }
  /// Where it got to, or the error.
  std::string dial(const std::string& target, duration timeout = 5s) {
    return rig.run_task([=] { return connect(target, timeout); });
  }
  static task<std::string> connect(std::string target, duration timeout) {
    dialer d{shard::current(), shoal::make_profile(), nullptr, &shard::current().local<test_names>().cache};
    dial_options options;
    options.timeout = timeout;
    auto dialled = co_await d.dial(target, options);
    if (!dialled) co_return dialled.error().message();
    co_return to_string((*dialled)->remote());
  }

  dns_server server;
  net_rig rig{wire::plain};
};

std::vector<std::string> texts(const result<resolved_name>& found) {
  std::vector<std::string> all;
  if (!found) return {found.error().message()};
  std::ranges::transform(found->addresses, std::back_inserter(all), [](const auto& a) { return to_string(a); });
  return all;
}

using lines = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(ares_resolver_suite)

BOOST_AUTO_TEST_CASE(addresses_of_both_kinds_with_the_shortest_ttl) {
  names_rig r;
  r.server.set("db.example", dns_server::a, {.addresses = {"192.0.2.1", "192.0.2.2"}, .ttl = 40});
  r.server.set("db.example", dns_server::aaaa, {.addresses = {"2001:db8::1"}, .ttl = 50});
  const auto found = r.find("db.example");
  BOOST_TEST((texts(found) == lines{"[2001:db8::1]:80", "192.0.2.1:80", "192.0.2.2:80"}));
  BOOST_TEST((found && found->ttl == 40s));
  // From memory now.
  BOOST_TEST(r.find("db.example").has_value());
  BOOST_TEST(r.server.times_asked("db.example", dns_server::a) == 1);
}

BOOST_AUTO_TEST_CASE(an_alias_is_followed_and_its_ttl_counts) {
  names_rig r;
  r.server.set("www.example", dns_server::a,
               {.addresses = {"192.0.2.1"}, .ttl = 300, .alias = "host7.example", .alias_ttl = 20});
  const auto found = r.find("www.example", address_families::ipv4);
  BOOST_TEST((texts(found) == lines{"192.0.2.1:80"}));
  BOOST_TEST((found && found->ttl == 20s));
}

BOOST_AUTO_TEST_CASE(errors_say_what_went_wrong) {
  names_rig r;
  r.server.set("empty.example", dns_server::a, {});
  r.server.set("empty.example", dns_server::aaaa, {});
  r.server.set("broken.example", dns_server::a, {.code = 2});
  r.server.set("refused.example", dns_server::a, {.code = 5});
  BOOST_TEST((r.find("nobody.example").error() == errc::name_not_found));
  BOOST_TEST((r.find("empty.example").error() == errc::no_address));
  BOOST_TEST((r.find("broken.example", address_families::ipv4).error() == errc::name_server_failed));
  BOOST_TEST((r.find("refused.example", address_families::ipv4).error() == errc::name_server_failed));
}

BOOST_AUTO_TEST_CASE(a_truncated_answer_is_asked_for_again_by_tcp) {
  names_rig r;
  std::vector<std::string> many;
  for (int i = 1; i <= 60; ++i) many.push_back("192.0.2." + std::to_string(i));
  r.server.set("many.example", dns_server::a, {.addresses = many, .too_large_for_udp = true});
  const auto found = r.find("many.example", address_families::ipv4);
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST(found->addresses.size() == shoal::max_addresses_per_kind);
  BOOST_TEST(r.server.times_asked_by_tcp() == 1);
}

BOOST_AUTO_TEST_CASE(many_ask_for_one_name_and_one_question_leaves) {
  names_rig r;
  r.server.set("db.example", dns_server::a, {.addresses = {"192.0.2.1"}, .delay = 100ms});
  std::vector<std::future<result<resolved_name>>> all;
  for (int i = 0; i < 50; ++i) {
    all.push_back(r.rig.start_task([] { return names_rig::look("db.example", address_families::ipv4, 5s); }));
  }
  for (auto& one : all) BOOST_TEST((texts(shoal::test::get(std::move(one))) == lines{"192.0.2.1:80"}));
  BOOST_TEST(r.server.times_asked("db.example", dns_server::a) == 1);
}

BOOST_AUTO_TEST_CASE(a_silent_server_is_a_timeout_and_nobody_else_waits) {
  names_rig r;
  r.server.set("silent.example", dns_server::a, {.silent = true});
  peer other = r.rig.connect();
  const auto start = std::chrono::steady_clock::now();
  auto waiting = r.rig.start_task([] { return names_rig::look("silent.example", address_families::ipv4, 500ms); });
  auto slowest = 0ns;
  int trips = 0;
  while (waiting.wait_for(0s) != std::future_status::ready) {
    const auto sent = std::chrono::steady_clock::now();
    BOOST_REQUIRE(other.send("x"));
    BOOST_REQUIRE(other.receive(1) == "x");
    slowest = std::max<std::chrono::nanoseconds>(slowest, std::chrono::steady_clock::now() - sent);
    ++trips;
    BOOST_REQUIRE((std::chrono::steady_clock::now() - start < 20s));
  }
  const auto took = std::chrono::steady_clock::now() - start;
  BOOST_TEST((waiting.get().error() == errc::resolve_timeout));
  BOOST_TEST((took > 450ms));  // the time of a turn is a little old
  BOOST_TEST((took < 3s));
  BOOST_TEST(trips > 50);
  BOOST_TEST((slowest < 400ms), slowest.count() << " ns");  // one blocking call would be half a second
}

BOOST_AUTO_TEST_CASE(the_servers_own_timeout_is_one_too) {
  names_rig r;
  r.server.set("silent.example", dns_server::a, {.silent = true});
  service().timeout = 50ms;
  service().tries = 2;
  BOOST_TEST((r.find("silent.example", address_families::ipv4, 20s).error() == errc::resolve_timeout));
  BOOST_TEST(r.server.times_asked("silent.example", dns_server::a) == 2);
}

BOOST_AUTO_TEST_CASE(the_hosts_file_comes_first) {
  const std::string path = "/tmp/shoal-test-hosts-" + std::to_string(::getpid());
  std::ofstream{path} << "# names\n192.0.2.77  Db.example db  # two\n2001:db8::77 six.example\nnonsense x\n";
  {
    names_rig r{path};
    r.server.set("six.example", dns_server::a, {.addresses = {"192.0.2.1"}});
    BOOST_TEST((texts(r.find("db.example")) == lines{"192.0.2.77:80"}));
    BOOST_TEST((texts(r.find("DB")) == lines{"192.0.2.77:80"}));
    BOOST_TEST((texts(r.find("six.example")) == lines{"[2001:db8::77]:80"}));
    BOOST_TEST((r.find("six.example", address_families::ipv4).error() == errc::no_address));
    BOOST_TEST(r.server.times_asked("six.example", dns_server::a) == 0);
  }
  std::remove(path.c_str());
}

BOOST_AUTO_TEST_CASE(a_name_is_dialled) {
  names_rig r;
  const listening_peer target;
  const std::string port = std::to_string(target.where().port());
  r.server.set("db.example", dns_server::a, {.addresses = {"127.0.0.1"}});
  BOOST_TEST(r.dial("db.example:" + port) == "127.0.0.1:" + port);
  // IPv6 answers far too late.
  r.server.set("slow.example", dns_server::a, {.addresses = {"127.0.0.1"}});
  r.server.set("slow.example", dns_server::aaaa, {.addresses = {"::1"}, .delay = 10'000ms});
  const auto start = std::chrono::steady_clock::now();
  BOOST_TEST(r.dial("slow.example:" + port) == "127.0.0.1:" + port);
  BOOST_TEST((std::chrono::steady_clock::now() - start < 2s));
}

BOOST_AUTO_TEST_CASE(ipv6_of_a_name_is_preferred) {
  const auto machine = shoal::make_real_host();
  const auto six = *shoal::parse_address("[::1]:0");
  const auto probe = machine->open_listener(six.view(), {});
  if (!probe) SHOAL_SKIP("no IPv6 on this machine");
  machine->close_socket(*probe);
  names_rig r;
  const listening_peer target{"[::1]:0"};
  const std::string port = std::to_string(target.where().port());
  r.server.set("db.example", dns_server::a, {.addresses = {"127.0.0.1"}});
  r.server.set("db.example", dns_server::aaaa, {.addresses = {"::1"}});
  BOOST_TEST(r.dial("db.example:" + port) == "[::1]:" + port);
  r.server.set("four.example", dns_server::a, {.addresses = {"127.0.0.1"}});
  BOOST_TEST(r.dial("four.example:" + port).find("refused") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_runtime_that_stops_leaves_no_question_behind) {
  for (int round = 0; round < 3; ++round) {
    names_rig r;
    r.server.set("silent.example", dns_server::a, {.silent = true});
    r.server.set("silent.example", dns_server::aaaa, {.silent = true});
    auto looking = r.rig.start_task([] { return names_rig::look("silent.example", address_families::any, 30s); });
    auto dialling = r.rig.start_task([] { return names_rig::connect("silent.example:80", 30s); });
    // Before the files are read, or later.
    if (round != 0) BOOST_TEST(r.rig.until([&] { return r.server.times_asked("silent.example", dns_server::a) != 0; }));
    r.rig.stop();
    BOOST_TEST((shoal::test::get(std::move(looking)).error() == errc::stopped));
    BOOST_TEST(shoal::test::get(std::move(dialling)) == make_error_code(errc::stopped).message());
  }
}

BOOST_AUTO_TEST_SUITE_END()
