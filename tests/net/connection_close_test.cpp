// SPDX-License-Identifier: Apache-2.0
// How connections end: drain and reset, from everywhere, with and without a handler at work (connection.md, 4 and 5).
#include <shoal/net/connection.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <string>

using shoal::close_how;
using shoal::connection;
using shoal::errc;
using shoal::task;
using shoal::test::event_log;
using shoal::test::gate;
using shoal::test::net_rig;
using shoal::test::pattern;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;
using namespace std::chrono_literals;

namespace {

/// Notes the end of every connection, so that "exactly once" can be asked for.
void note_ends(net_rig& rig, event_log& events) {
  rig.server().on_prepare([&](connection& c) { c.add_close_callback([&](connection&) { events.add("callback"); }); });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add("disconnect:" + word_of(reason)); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(connection_close)

SHOAL_WIRE_TEST(drain_delivers_every_queued_byte_to_a_slow_reader) {
  event_log events;
  net_rig rig{on};
  const std::string text = pattern(8'000'000);
  note_ends(rig, events);
  rig.server().on_request([&](connection& c) {
    static_cast<void>(c.output().write_string(text));
    c.close();
  });
  rig.start();
  peer client = rig.connect(8192);
  BOOST_TEST(client.send("go"));
  BOOST_TEST(rig.until([] { return !net_rig::only_connection().is_active(); }));
  // Bytes that nobody will read must not turn the end into a reset.
  BOOST_TEST(client.send("unread"));
  std::string got;
  while (got.size() < text.size()) {
    const std::string piece = client.receive(std::min<std::size_t>(100'000, text.size() - got.size()));
    if (piece.empty()) break;
    got += piece;
  }
  BOOST_TEST((got == text));
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("callback"));
  BOOST_TEST(events.all() == "disconnect:closed callback ");
}

SHOAL_WIRE_TEST(drain_does_not_wait_for_ever_for_the_peers_end) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.timeouts.linger = 20ms; }};
  note_ends(rig, events);
  rig.server().on_connect([](connection& c) { c.close(); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("callback"));  // the client has not closed
  BOOST_TEST(rig.open_connections() == 0U);
}

SHOAL_WIRE_TEST(reset_is_seen_as_a_reset) {
  event_log events;
  net_rig rig{on};
  note_ends(rig, events);
  rig.server().on_request([](connection& c) {
    static_cast<void>(c.output().write_string("dropped"));
    c.close(close_how::reset);
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("go"));
  BOOST_TEST(client.receive_all() == "");
  BOOST_TEST(client.ending() == ECONNRESET);
  BOOST_TEST(events.wait_for("callback"));
  BOOST_TEST(events.all() == "disconnect:closed callback ");
}

SHOAL_WIRE_TEST(reset_is_seen_as_a_reset_by_a_peer_that_finished_sending) {
  net_rig rig{on};
  rig.server().on_request([](connection& c) {
    if (c.at_eof()) c.close(close_how::reset);  // an orderly end here would pass for a complete answer
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("go"));
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == ECONNRESET);
}

SHOAL_WIRE_TEST(closing_twice_is_harmless_and_reset_overrides_a_drain) {
  event_log events;
  net_rig rig{on};
  note_ends(rig, events);
  rig.server().on_request([](connection& c) {
    static_cast<void>(c.output().write_string(pattern(8'000'000)));
    c.close();
    c.close();
  });
  rig.start();
  peer client = rig.connect(8192);
  BOOST_TEST(client.send("go"));
  BOOST_TEST(rig.until([] { return !net_rig::only_connection().is_active(); }));
  rig.turns();
  BOOST_TEST(events.all() == "");  // it drains: the client has not read yet
  rig.with_connection([](connection& c) {
    c.close(close_how::reset);
    c.close(close_how::reset);
  });
  BOOST_TEST(client.wait_for_end() == ECONNRESET);
  BOOST_TEST(events.wait_for("callback"));
  BOOST_TEST(events.all() == "disconnect:closed callback ");
}

SHOAL_WIRE_TEST(close_inside_every_hook_ends_the_connection_once) {
  for (const std::string hook : {"connect", "request", "disconnect", "callback"}) {
    event_log events;
    net_rig rig{on};
    rig.server().on_prepare([&](connection& c) {
      c.add_close_callback([&](connection& inner) {
        if (hook == "callback") inner.close();
        events.add("callback");
      });
    });
    rig.server().on_connect([&](connection& c) {
      if (hook == "connect") c.close();
    });
    rig.server().on_request([&](connection& c) {
      static_cast<void>(c.input().take_all());
      if (hook == "request") c.close();
    });
    rig.server().on_disconnect([&](connection& c, std::error_code) {
      if (hook == "disconnect") c.close(close_how::reset);
      events.add("disconnect");
    });
    rig.start();
    peer client = rig.connect();
    BOOST_TEST(client.send("go"));
    client.finish_writing();
    BOOST_TEST(client.wait_for_end() == 0, "closed in " << hook);
    BOOST_TEST(events.wait_for("callback"));
    BOOST_TEST(events.all() == "disconnect callback ");
  }
}

SHOAL_WIRE_TEST(close_ends_the_wait_of_a_suspended_handler_and_waits_for_it) {
  event_log events;
  gate door;
  net_rig rig{on};
  note_ends(rig, events);
  rig.server().on_connect([&](connection& c) -> task<> {
    const std::stop_token stop = c.stop_token();
    auto bytes = co_await c.reader().next(10);
    events.add("wait:" + (bytes ? "bytes" : word_of(bytes.error())));
    if (stop.stop_requested()) events.add("stop");
    co_await door;
    events.add("returned");
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("few"));
  BOOST_TEST(rig.until([] { return net_rig::only_connection().input().len() == 3; }));
  rig.with_connection([](connection& c) { c.close(); });
  BOOST_TEST(client.receive_all() == "");  // the network side ends at once
  client.close();
  BOOST_TEST(events.wait_for("stop"));
  rig.turns();
  BOOST_TEST(events.all() == "wait:closed stop ");
  rig.on_shard([&] { door.open(); });
  BOOST_TEST(events.wait_for("callback"));
  BOOST_TEST(events.all() == "wait:closed stop returned disconnect:closed callback ");
}

SHOAL_WIRE_TEST(a_reset_by_the_peer_ends_the_wait_of_a_suspended_handler) {
  event_log events;
  net_rig rig{on};
  note_ends(rig, events);
  rig.server().on_connect([&](connection& c) -> task<> {
    auto bytes = co_await c.reader().next(10);
    events.add("wait:" + (bytes ? "bytes" : word_of(bytes.error())));
    events.add(c.stop_token().stop_requested() ? "stop" : "no stop");
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("few"));
  BOOST_TEST(rig.until([] { return net_rig::only_connection().input().len() == 3; }));
  client.reset();
  BOOST_TEST(events.wait_for("callback"));
  BOOST_TEST(events.all() == "wait:reset stop disconnect:reset callback ");
}

SHOAL_WIRE_TEST(a_handler_that_outlives_its_connection_is_reported_once) {
  event_log events;
  gate elsewhere;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.timeouts.handler_grace = 10ms; }};
  note_ends(rig, events);
  rig.server().on_request([&](connection&) -> task<> {
    events.add("waits");
    co_await elsewhere;
    events.add("returns");
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("x"));
  BOOST_TEST(events.wait_for("waits"));
  client.reset();
  const auto overdue = [] {
    return shoal::shard::current().local<shoal::connection_table>().counters().handlers_overdue;
  };
  BOOST_TEST(rig.until([overdue] { return overdue() == 1; }));
  BOOST_TEST(rig.logged().find("a handler still runs 10 ms after its connection was closed") != std::string::npos);
  rig.on_shard([&] { elsewhere.open(); });
  BOOST_TEST(events.wait_for("callback"));
  BOOST_TEST(events.all() == "waits returns disconnect:reset callback ");
  BOOST_TEST(rig.on_shard(overdue) == 1U);
}

SHOAL_WIRE_TEST(an_exception_from_a_plain_handler_closes_that_connection_only) {
  event_log events;
  net_rig rig{on};
  note_ends(rig, events);
  rig.server().on_request([](connection& c) {
    const std::string text = *c.input().read_string(c.input().len());
    if (text == "throw") throw std::runtime_error("no good");
    if (text == "odd") throw 7;
    static_cast<void>(c.output().write_string(text));
    c.flush();
  });
  rig.start();
  peer other = rig.connect();
  for (const char* text : {"throw", "odd"}) {
    peer client = rig.connect();
    BOOST_TEST(client.send(text));
    BOOST_TEST(client.wait_for_end() == ECONNRESET);
  }
  BOOST_TEST(events.wait_for("callback", 2));
  BOOST_TEST(events.all() == "disconnect:handler_failed callback disconnect:handler_failed callback ");
  BOOST_TEST(rig.logged().find("no good") != std::string::npos);
  BOOST_TEST(other.send("alive"));
  BOOST_TEST(other.receive(5) == "alive");
}

SHOAL_WIRE_TEST(an_exception_from_a_coroutine_handler_closes_the_connection) {
  event_log events;
  net_rig rig{on};
  note_ends(rig, events);
  rig.server().on_request([](connection& c) -> task<> {
    auto bytes = co_await c.reader().next(4);
    if (bytes) throw std::runtime_error("after a wait");
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("12"));
  rig.turns();
  BOOST_TEST(client.send("34"));
  BOOST_TEST(client.wait_for_end() == ECONNRESET);
  BOOST_TEST(events.wait_for("callback"));
  BOOST_TEST(events.all() == "disconnect:handler_failed callback ");
  BOOST_TEST(rig.logged().find("after a wait") != std::string::npos);
}

SHOAL_WIRE_TEST(an_exception_after_close_changes_nothing) {
  event_log events;
  net_rig rig{on};
  note_ends(rig, events);
  rig.server().on_request([](connection& c) {
    c.close(close_how::reset);
    throw std::runtime_error("late");
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("go"));
  BOOST_TEST(client.wait_for_end() == ECONNRESET);
  BOOST_TEST(events.wait_for("callback"));
  rig.turns();
  BOOST_TEST(events.all() == "disconnect:closed callback ");
}

SHOAL_WIRE_TEST(exceptions_at_the_end_do_not_keep_the_other_callbacks_from_running) {
  event_log events;
  net_rig rig{on};
  rig.server().on_prepare([&](connection& c) {
    c.add_close_callback([&](connection&) { events.add("first"); });
    c.add_close_callback([](connection&) { throw 7; });
    c.add_close_callback([](connection&) { throw std::runtime_error("callback"); });
  });
  rig.server().on_connect([](connection& c) { c.close(); });
  rig.server().on_disconnect([](connection&, std::error_code) { throw std::runtime_error("disconnect"); });
  rig.start();
  peer client = rig.connect();
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("first"));
}

SHOAL_WIRE_TEST(callbacks_run_exactly_once_whoever_ends_it) {
  event_log events;
  std::atomic<int> turn{0};
  net_rig rig{on};
  note_ends(rig, events);
  rig.server().on_request([&](connection& c) -> task<> {
    const int way = turn++;
    auto bytes = co_await c.reader().next(2);
    if (way % 5 == 0) c.close();
    if (way % 5 == 1) c.close(close_how::reset);
    if (way % 5 == 2) throw std::runtime_error("a handler that fails");
    if (way % 5 == 3 && bytes) static_cast<void>(co_await c.flush());
  });
  rig.start();
  constexpr int clients = 120;
  for (int i = 0; i < clients; ++i) {
    peer client = rig.connect();
    client.send("1");
    if (i % 2 == 0) client.send("2");
    if (i % 4 == 1) client.finish_writing();
    if (i % 3 == 0) client.reset();
  }
  BOOST_TEST(rig.until([] { return shoal::shard::current().local<shoal::connection_table>().size() == 0; }));
  BOOST_TEST(events.count("callback") <= std::size_t{clients});
  BOOST_TEST(events.count("callback") >= 1U);
  rig.stop();
  BOOST_TEST(rig.server().served_by_shard().front() == events.count("callback"));
}

BOOST_AUTO_TEST_SUITE_END()
