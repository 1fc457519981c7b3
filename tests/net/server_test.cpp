// SPDX-License-Identifier: Apache-2.0
// Servers: distribution over shards, limits, start and stop.
#include <shoal/net/server.hpp>

#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <string>
#include <vector>

using shoal::accept_distribution;
using shoal::connection;
using shoal::shard;
using shoal::task;
using shoal::test::event_log;
using shoal::test::gate;
using shoal::test::listening_peer;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;
using namespace std::chrono_literals;

namespace {

void echo(connection& c) {
  static_cast<void>(c.output().append(c.input().take_all()));
  c.flush();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(server_suite)

BOOST_AUTO_TEST_CASE(reuseport_spreads_connections_over_the_shards) {
  net_rig rig{wire::plain, 2};
  rig.server().on_request(echo);
  rig.start();
  for (int i = 0; i < 100; ++i) {
    peer client = rig.connect();
    BOOST_TEST(client.send("x"));
    BOOST_TEST(client.receive(1) == "x");
  }
  rig.stop();
  const auto& served = rig.server().served_by_shard();
  BOOST_TEST(served[0] + served[1] == 100U);
  BOOST_TEST(served[0] > 10U);
  BOOST_TEST(served[1] > 10U);
}

BOOST_AUTO_TEST_CASE(round_robin_is_even) {
  net_rig rig{wire::plain, 2, [](shoal::server_options& o) { o.distribution = accept_distribution::round_robin; }};
  rig.server().on_request([](connection& c) {
    static_cast<void>(c.input().take_all());
    static_cast<void>(c.output().write_string(std::to_string(shard::current().id())));
    c.flush();
  });
  rig.start();
  std::string order;
  std::vector<peer> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(rig.connect());
    BOOST_TEST(clients.back().send("?"));
    order += clients.back().receive(1);
  }
  BOOST_TEST((order == "01010101010101010101"));
  BOOST_TEST(rig.open_connections(0) == 10U);
  BOOST_TEST(rig.open_connections(1) == 10U);
  BOOST_TEST(rig.server().connections() == 20U);
  clients.clear();
  rig.stop();
  BOOST_TEST(rig.server().served_by_shard()[0] == 10U);
  BOOST_TEST(rig.server().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_full_server_pauses_and_resumes) {
  for (const unsigned shards : {1U, 2U}) {
    net_rig rig{wire::plain, shards, [](shoal::server_options& o) {
                  o.max_connections = 2;
                  o.distribution = accept_distribution::round_robin;
                }};
    rig.server().on_request(echo);
    rig.start();
    std::vector<peer> clients;
    for (int i = 0; i < 2; ++i) {
      clients.push_back(rig.connect());
      BOOST_TEST(clients.back().send("x"));
      BOOST_TEST(clients.back().receive(1) == "x");
    }
    std::vector<peer> waiting;
    for (int i = 0; i < 5; ++i) {
      waiting.push_back(rig.connect());
      BOOST_TEST(waiting.back().send("later"));
    }
    BOOST_TEST(rig.until([&] { return shard::current().io().counters().accepts >= 3; }));
    rig.turns();
    BOOST_TEST(rig.server().connections() == 2U);
    BOOST_TEST(rig.logged().find("max_connections 2 reached") != std::string::npos);
    for (auto& client : waiting) {
      clients.erase(clients.begin());  // one goes, one more is served
      BOOST_TEST(client.receive(5) == "later");
      clients.push_back(std::move(client));
      BOOST_TEST(rig.server().connections() <= 2U);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_port_in_use_fails_the_start_and_names_the_address) {
  listening_peer other;
  const std::string taken = to_string(other.where());
  for (const auto distribution : {accept_distribution::reuseport, accept_distribution::round_robin}) {
    net_rig rig{wire::plain, 2, [&](shoal::server_options& o) {
                  o.bind = {"127.0.0.1:0", taken};
                  o.name = "web";
                  o.distribution = distribution;
                }};
    const auto started = rig.runtime().start();
    BOOST_REQUIRE(!started.has_value());
    BOOST_TEST((started.error().error == std::errc::address_in_use));
    BOOST_TEST(started.error().what.find(taken) != std::string::npos, started.error().what);
    BOOST_TEST(started.error().what.find("web") != std::string::npos, started.error().what);
  }
}

BOOST_AUTO_TEST_CASE(a_second_server_on_the_same_address_is_refused_also_with_reuseport) {
  net_rig first{wire::plain, 2};
  first.start();
  const std::string taken = to_string(first.where());
  net_rig second{wire::plain, 2, [&](shoal::server_options& o) { o.bind = taken; }};
  const auto started = second.runtime().start();
  BOOST_REQUIRE(!started.has_value());
  BOOST_TEST((started.error().error == std::errc::address_in_use));
}

BOOST_AUTO_TEST_CASE(an_address_that_makes_no_sense_fails_the_start) {
  net_rig rig{wire::plain, 1, [](shoal::server_options& o) { o.bind = "127.0.0.1:99999"; }};
  const auto started = rig.runtime().start();
  BOOST_REQUIRE(!started.has_value());
  BOOST_TEST(started.error().what.find("127.0.0.1:99999") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_server_starts_and_stops_many_times) {
  net_rig rig{wire::plain, 2, [](shoal::server_options& o) { o.bind = {"127.0.0.1:0", "unix:@shoal-test-server"}; }};
  rig.server().on_request(echo);
  for (int i = 0; i < 5; ++i) {
    rig.start();
    BOOST_REQUIRE(rig.server().addresses().size() == 2U);
    for (const auto& where : rig.server().addresses()) {
      peer client{where, wire::plain};
      BOOST_TEST(client.send("again"));
      BOOST_TEST(client.receive(5) == "again");
    }
    rig.stop();
    BOOST_TEST(rig.server().served_by_shard()[0] + rig.server().served_by_shard()[1] == 2U);
  }
}

BOOST_AUTO_TEST_CASE(a_graceful_stop_closes_the_idle_and_lets_the_busy_finish) {
  event_log events;
  gate door;
  net_rig rig{wire::plain};
  rig.server().on_request([&](connection& c) -> task<> {
    const std::string text = *c.input().read_string(c.input().len());
    if (text == "busy") {
      events.add("busy");
      co_await door;
    }
    static_cast<void>(c.output().write_string("done"));
    c.flush();
  });
  // The idle connection goes first; that lets the busy one finish.
  rig.server().on_disconnect([&](connection&, std::error_code reason) {
    events.add(word_of(reason));
    door.open();
  });
  rig.start();
  peer idle = rig.connect();
  BOOST_TEST(idle.send("first"));
  BOOST_TEST(idle.receive(4) == "done");
  peer busy = rig.connect();
  BOOST_TEST(busy.send("busy"));
  BOOST_TEST(events.wait_for("busy"));
  rig.runtime().stop();
  BOOST_TEST(idle.wait_for_end() == 0);
  idle.close();
  BOOST_TEST(busy.receive_all() == "done");
  BOOST_TEST(busy.ending() == 0);
  busy.close();
  rig.wait_for_stop();
  BOOST_TEST(events.all() == "busy stopped stopped ");
  peer late{rig.where(), wire::plain};
  BOOST_TEST(late.error() == ECONNREFUSED);
}

BOOST_AUTO_TEST_CASE(what_does_not_finish_is_reset_at_the_deadline) {
  event_log events;
  net_rig rig{wire::plain, 2, {}, 50ms};
  rig.server().on_connect([&](connection& c) -> task<> {
    auto bytes = co_await c.reader().next(1000);
    events.add(bytes ? "bytes" : word_of(bytes.error()));
  });
  rig.start();
  std::vector<peer> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(rig.connect());
  for (auto& client : clients) BOOST_TEST(client.send("never enough"));
  BOOST_TEST(rig.until([&] { return rig.server().connections() == 10; }));
  rig.runtime().stop();
  for (auto& client : clients) BOOST_TEST(client.wait_for_end() == ECONNRESET);
  rig.wait_for_stop();
  BOOST_TEST(events.count("stopped") == 10U);
}

BOOST_AUTO_TEST_CASE(stop_now_waits_for_nobody) {
  net_rig rig{wire::plain};
  rig.server().on_connect([](connection& c) -> task<> {
    auto bytes = co_await c.reader().next(1000);
    static_cast<void>(bytes);
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 1; }));
  rig.runtime().stop_now();
  BOOST_TEST(client.wait_for_end() == ECONNRESET);
  rig.wait_for_stop();
}

BOOST_AUTO_TEST_CASE(a_stop_while_a_server_is_full_closes_who_waits) {
  net_rig rig{wire::plain, 1, [](shoal::server_options& o) { o.max_connections = 1; }};
  rig.server().on_request(echo);
  rig.start();
  peer first = rig.connect();
  BOOST_TEST(first.send("x"));
  BOOST_TEST(first.receive(1) == "x");
  peer second = rig.connect();
  BOOST_TEST(rig.until([] { return shard::current().io().counters().accepts == 2; }));
  rig.runtime().stop();
  BOOST_TEST(first.wait_for_end() == 0);
  first.close();
  BOOST_TEST(second.wait_for_end() == 0);
  rig.wait_for_stop();
}

BOOST_AUTO_TEST_SUITE_END()
