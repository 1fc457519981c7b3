// SPDX-License-Identifier: Apache-2.0
// Timeouts and marks: what bounds a connection in time and memory (connection.md, section 5).
#include <shoal/net/connection.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <algorithm>
#include <future>
#include <string>

using shoal::connection;
using shoal::task;
using shoal::test::event_log;
using shoal::test::gate;
using shoal::test::net_rig;
using shoal::test::pattern;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(connection_limits)

SHOAL_WIRE_TEST(an_idle_connection_is_closed_in_an_orderly_way) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.timeouts.idle = 30ms; }};
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add(word_of(reason)); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.wait_for_end() == 0);
  client.close();
  BOOST_TEST(events.wait_for("idle_timeout"));
}

SHOAL_WIRE_TEST(an_idle_timeout_set_later_takes_effect_at_once) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection&) { events.add("connect"); });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add(word_of(reason)); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(events.wait_for("connect"));
  rig.with_connection([](connection& c) { c.set_idle_timeout(20ms); });
  BOOST_TEST(client.wait_for_end() == 0);
  client.close();
  BOOST_TEST(events.wait_for("idle_timeout"));
}

SHOAL_WIRE_TEST(bytes_either_way_keep_a_connection_from_being_idle) {
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.timeouts.idle = 500ms; }};
  rig.server().on_request([](connection& c) {
    static_cast<void>(c.output().append(c.input().take_all()));
    c.flush();
  });
  rig.start();
  peer client = rig.connect();
  const auto until = std::chrono::steady_clock::now() + 1200ms;
  bool echoed = true;
  while (echoed && std::chrono::steady_clock::now() < until) echoed = client.send("x") && client.receive(1) == "x";
  BOOST_TEST(echoed);
}

SHOAL_WIRE_TEST(unread_input_above_the_high_mark_stops_reading_and_goes_on_later) {
  constexpr std::size_t high = 128 << 10;
  constexpr std::size_t receive = 64 << 10;
  event_log events;
  gate door;
  net_rig rig{on, 1, [](shoal::server_options& o) {
                o.connections.input = {.high = high, .low = 32 << 10};
                o.connections.max_receive = receive;
              }};
  const std::string text = pattern(24'000'000);
  std::string seen;
  std::size_t most = 0;
  rig.server().on_connect([&](connection&) -> task<> { co_await door; });
  rig.server().on_request([&](connection& c) {
    most = std::max(most, c.input().len());
    seen += *c.input().read_string(c.input().len());
    if (seen.size() == text.size()) events.add("all");
  });
  rig.start();
  peer client = rig.connect();
  auto sending = std::async(std::launch::async, [&] { return client.send(text); });
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 1 && net_rig::only_connection().input().len() >= high; }));
  rig.turns(50);
  BOOST_TEST(rig.with_connection([](connection& c) { return c.input().len(); }) <= high + receive);
  BOOST_TEST(rig.on_shard([] { return net_rig::memory_here(); }) < 2 * (high + receive));
  rig.on_shard([&] { door.open(); });
  BOOST_TEST(events.wait_for("all"));
  BOOST_TEST(sending.get());
  BOOST_TEST((seen == text));
  BOOST_TEST(most <= high + receive);
}

SHOAL_WIRE_TEST(a_peer_reset_is_noticed_while_receiving_is_paused) {
  event_log events;
  gate door;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.input = {.high = 16 << 10, .low = 4 << 10}; }};
  rig.server().on_connect([&](connection& c) -> task<> {
    auto bytes = co_await c.reader().next(1);
    static_cast<void>(bytes);
    co_await door;
  });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add(word_of(reason)); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send(pattern(50'000)));
  BOOST_TEST(
      rig.until([] { return net_rig::open_here() == 1 && net_rig::only_connection().input().len() >= 16 << 10; }));
  client.reset();
  BOOST_TEST(rig.until([] { return !net_rig::only_connection().is_active(); }));
  rig.on_shard([&] { door.open(); });
  BOOST_TEST(events.wait_for("reset"));
}

SHOAL_WIRE_TEST(one_large_message_leaves_no_memory_behind) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) {
                o.connections.input = {.high = 8 << 20, .low = 1 << 20};
                o.connections.max_message = 8 << 20;
              }};
  rig.server().on_request([&](connection& c) -> task<> {
    auto size = co_await c.reader().read_u32_be();
    if (!size) co_return;
    auto message = co_await c.reader().next(*size);
    events.add(message ? std::to_string(message->size()) : word_of(message.error()));
  });
  rig.start();
  peer client = rig.connect();
  using namespace std::string_view_literals;
  BOOST_TEST(client.send("\0\x30\0\0"sv));  // 3 MiB
  BOOST_TEST(client.send(pattern(3 << 20)));
  BOOST_TEST(events.wait_for("3145728"));
  BOOST_TEST(rig.with_connection([](connection& c) { return c.input().held_bytes(); }) == 0U);
  // Small messages shrink the booking again.
  for (int i = 0; i < 40; ++i) {
    BOOST_TEST(client.send("\0\0\0\1x"sv));
    BOOST_TEST(events.wait_for("1", static_cast<std::size_t>(i) + 1));
  }
  if (on == wire::plain) BOOST_TEST(rig.with_connection([](connection& c) { return c.input().book_size(); }) == 4096U);
}

SHOAL_WIRE_TEST(two_thousand_bytes_at_a_time_from_many_peers_all_arrive) {
  net_rig rig{on, 2};
  rig.server().on_request([](connection& c) {
    static_cast<void>(c.output().append(c.input().take_all()));
    c.flush();
  });
  rig.start();
  std::vector<peer> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(rig.connect());
  const std::string text = pattern(2000);
  for (int round = 0; round < 5; ++round) {
    for (auto& client : clients) BOOST_TEST(client.send(text));
    for (auto& client : clients) BOOST_TEST((client.receive(text.size()) == text));
  }
}

SHOAL_WIRE_TEST(drain_in_the_turn_that_would_have_found_it_idle_is_still_a_drain) {
  struct late_close : shoal::run_item {
    late_close() : run_item([](run_item&) { net_rig::only_connection().close(); }) {}
  };
  late_close later;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.timeouts.idle = 50ms; }};
  rig.server().on_request([](connection&) {});
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("x"));
  BOOST_TEST(rig.until([] { return net_rig::only_connection().input().len() == 1; }));
  BOOST_TEST(rig.on_shard([&later] {
    // The next turn begins after the idle timeout; its tasks come before its timers, and these before what is sent.
    auto& here = shoal::shard::current();
    const auto end = here.machine().now() + 100ms;
    while (here.machine().now() < end) {
    }
    here.schedule_next_turn(later);
    return true;
  }));
  BOOST_TEST(client.wait_for_end() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
