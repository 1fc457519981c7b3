// SPDX-License-Identifier: Apache-2.0
// Accept distribution as people write it, and on the sockets there are. Where connections land: tests/sim.
#include <shoal/net/balancer/accept_distribution.hpp>

#include <shoal/net/balancer/open_counts.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <string>
#include <vector>

using shoal::accept_distribution;
using shoal::connection;
using shoal::parse_accept_distribution;
using shoal::shard;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;

namespace {

const std::vector<std::string> all_names{"reuseport",  "incoming_cpu", "round_robin", "least_connections",
                                         "random_two", "source_hash",  "least_busy",  "fixed:1"};

void say_where(connection& c) {
  static_cast<void>(c.input().take_all());
  static_cast<void>(c.output().write_string(std::to_string(shard::current().id())));
  c.flush();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(accept_distribution_suite)

BOOST_AUTO_TEST_CASE(names_are_read_as_they_are_written) {
  for (const std::string& name : all_names) {
    const auto read = parse_accept_distribution(name);
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST(to_string(*read) == name);
  }
  BOOST_TEST((*parse_accept_distribution("fixed:1023") == accept_distribution::fixed(1023)));
  for (const char* wrong : {"", "Reuseport", "fixed", "fixed:", "fixed:1024", "fixed:-1", "fixed:1x", "fixed: 1"}) {
    BOOST_TEST(!parse_accept_distribution(wrong).has_value(), wrong);
  }
}

BOOST_AUTO_TEST_CASE(every_policy_serves_every_kind_of_socket) {
  for (const std::string& name : all_names) {
    net_rig rig{wire::plain, 2, [&](shoal::server_options& o) {
                  o.bind = {"127.0.0.1:0", "unix:@shoal-test-distribution-" + std::to_string(::getpid())};
                  o.distribution = *parse_accept_distribution(name);
                }};
    rig.server().on_request(say_where);
    rig.start();
    std::vector<peer> clients;
    for (const auto& where : rig.server().addresses()) {
      for (int i = 0; i < 8; ++i) {
        clients.emplace_back(where, wire::plain);
        BOOST_TEST(clients.back().send("?"));
        const std::string served_by = clients.back().receive(1);
        BOOST_TEST((served_by == "0" || served_by == "1"));
        if (name == "fixed:1") BOOST_TEST(served_by == "1");
      }
    }
    BOOST_TEST(rig.server().connections_on(0) == rig.open_connections(0));
    BOOST_TEST(rig.server().connections_on(1) == rig.open_connections(1));
    BOOST_TEST(rig.server().connections() == 16U);
    clients.clear();
    rig.stop();
    BOOST_TEST(rig.server().connections_on(0) + rig.server().connections_on(1) == 0U);
    const auto& served = rig.server().served_by_shard();
    BOOST_TEST(served[0] + served[1] == 16U);
    if (name == "least_connections") BOOST_TEST(served[0] == 8U);
  }
}

BOOST_AUTO_TEST_CASE(a_shard_that_is_not_there_fails_the_start) {
  net_rig rig{wire::plain, 2, [](shoal::server_options& o) {
                o.name = "web";
                o.distribution = accept_distribution::fixed(2);
              }};
  const auto started = rig.runtime().start();
  BOOST_REQUIRE(!started.has_value());
  BOOST_TEST((started.error().error == shoal::errc::invalid_argument));
  BOOST_TEST(started.error().what == "listener web: distribution fixed:2 (there is no such shard, only 0 to 1)");
}

BOOST_AUTO_TEST_CASE(counts_are_of_the_shard_that_serves) {
  shoal::open_counts counts;
  BOOST_TEST(counts.on(0) == 0U);  // before the start
  counts.reset(2);
  counts.opened(0);
  counts.opened(0);
  counts.moved(0, 1);
  BOOST_TEST(counts.on(0) == 1U);
  BOOST_TEST(counts.on(1) == 1U);
  counts.closed(1);
  BOOST_TEST(counts.on(1) == 0U);
  counts.reset(2);
  BOOST_TEST(counts.on(0) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
