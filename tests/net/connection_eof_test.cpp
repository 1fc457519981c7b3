// SPDX-License-Identifier: Apache-2.0
// EOF is an event of the read side: all bytes first, then EOF, and answers still go out (connection.md, section 4).
#include <shoal/core/sleep.hpp>
#include <shoal/net/connection.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

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

BOOST_AUTO_TEST_SUITE(connection_eof)

SHOAL_WIRE_TEST(a_peer_that_only_finished_sending_gets_its_answer) {
  net_rig rig{on};
  rig.server().on_request([](connection& c) {
    if (!c.at_eof()) return;  // the answer needs all of the question
    static_cast<void>(c.output().append(c.input().take_all()));
    c.flush();
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("question"));
  client.finish_writing();
  BOOST_TEST(client.receive_all() == "question");
  BOOST_TEST(client.ending() == 0);
}

SHOAL_WIRE_TEST(an_answer_that_comes_long_after_eof_is_sent) {
  event_log events;
  gate door;
  net_rig rig{on};
  rig.server().on_request([&](connection& c) -> task<> {
    const std::string question = *c.input().read_string(c.input().len());
    co_await door;
    static_cast<void>(c.output().write_string(question + "!"));
    c.flush();
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("question"));
  client.finish_writing();
  BOOST_TEST(rig.until([] { return net_rig::only_connection().at_eof(); }));
  rig.turns();
  BOOST_TEST(rig.with_connection([](connection& c) { return c.is_active(); }));
  rig.on_shard([&] { door.open(); });
  BOOST_TEST(client.receive_all() == "question!");
  BOOST_TEST(client.ending() == 0);
}

SHOAL_WIRE_TEST(a_partial_frame_at_eof_is_handed_over_once) {
  event_log events;
  net_rig rig{on};
  rig.server().on_request([&](connection& c) {
    if (c.at_eof()) events.add("final:" + std::to_string(c.input().len()));
  });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add("disconnect:" + word_of(reason)); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("half a fra"));
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("disconnect:eof"));
  BOOST_TEST(events.all() == "final:10 disconnect:eof ");
}

SHOAL_WIRE_TEST(a_coroutine_that_waits_for_the_rest_of_a_frame_hears_of_eof_and_consumes_nothing) {
  event_log events;
  net_rig rig{on};
  rig.server().on_request([&](connection& c) -> task<> {
    auto frame = co_await c.reader().next(100);
    events.add((frame ? "frame" : word_of(frame.error())) + ":" + std::to_string(c.input().len()));
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("half a fra"));
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.all().starts_with("eof:10 "));
  BOOST_TEST(events.count("eof:10") <= 2U);  // the call that waited, and the final one if EOF was not known before
}

SHOAL_WIRE_TEST(bytes_sent_just_before_a_close_all_arrive) {
  event_log events;
  net_rig rig{on};
  const std::string text = pattern(3'000'000);
  std::string seen;
  rig.server().on_request([&](connection& c) { seen += *c.input().read_string(c.input().len()); });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add("disconnect:" + word_of(reason)); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send(text));
  client.close();
  BOOST_TEST(events.wait_for("disconnect:eof"));
  BOOST_TEST((seen == text));
}

SHOAL_WIRE_TEST(keep_half_open_keeps_the_writing_side) {
  net_rig rig{on};
  rig.server().on_connect([](connection& c) { c.keep_half_open(true); });
  rig.start();
  peer client = rig.connect();
  client.finish_writing();
  BOOST_TEST(rig.until([] {
    return shoal::shard::current().local<shoal::connection_table>().size() == 1 && net_rig::only_connection().at_eof();
  }));
  rig.turns();
  rig.with_connection([](connection& c) {
    static_cast<void>(c.output().write_string("late"));
    c.flush();
  });
  BOOST_TEST(client.receive(4) == "late");
  rig.with_connection([](connection& c) { c.close(); });
  BOOST_TEST(client.wait_for_end() == 0);
}

SHOAL_WIRE_TEST(a_half_open_connection_ends_by_its_timeout) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.timeouts.half_closed = 30ms; }};
  rig.server().on_connect([](connection& c) { c.keep_half_open(true); });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add(word_of(reason)); });
  rig.start();
  peer client = rig.connect();
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("half_closed_timeout"));
}

SHOAL_WIRE_TEST(a_long_silence_does_not_shorten_the_half_closed_time) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.timeouts.half_closed = 500ms; }};
  rig.server().on_connect([&](connection& c) -> task<> {
    auto silence = shoal::sleep_for(600ms);
    co_await silence;
    c.close_write();
    auto answer = co_await c.reader().next(3);
    events.add(answer ? "answer" : word_of(answer.error()));
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.receive_all() == "");
  BOOST_TEST(client.send("bye"));
  BOOST_TEST(events.wait_for("answer"));
}

SHOAL_WIRE_TEST(the_half_closed_time_begins_with_the_peers_end) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.timeouts.half_closed = 500ms; }};
  rig.server().on_connect([&](connection& c) -> task<> {
    auto silence = shoal::sleep_for(600ms);
    co_await silence;
    events.add("finish");
    auto end = co_await c.reader().next(1);
    auto pause = shoal::sleep_for(50ms);
    co_await pause;
    static_cast<void>(c.output().write_string(word_of(end.error())));
    c.flush();
  });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add(word_of(reason)); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(events.wait_for("finish"));
  client.finish_writing();
  BOOST_TEST(client.receive_all() == "eof");
  BOOST_TEST(events.wait_for("eof"));
}

SHOAL_WIRE_TEST(a_half_open_connection_that_still_sends_is_not_cut_off) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.timeouts.half_closed = 200ms; }};
  const std::string chunk = pattern(1000);
  // Sends for three times the half-closed timeout, never pausing for long.
  rig.server().on_request([&](connection& c) -> task<> {
    static_cast<void>(c.input().take_all());
    for (int i = 0; i < 30; ++i) {
      auto pause = shoal::sleep_for(20ms);
      co_await pause;
      static_cast<void>(c.output().write_string(chunk));
      c.flush();
    }
  });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add(word_of(reason)); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("go"));
  client.finish_writing();
  BOOST_TEST(client.receive_all().size() == 30 * chunk.size());
  BOOST_TEST(events.wait_for("eof"));
}

SHOAL_WIRE_TEST(close_write_sends_fin_and_goes_on_reading) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([](connection& c) {
    static_cast<void>(c.output().write_string("bye"));
    c.close_write();
    c.close_write();  // twice is once
  });
  rig.server().on_request([&](connection& c) {
    events.add(*c.input().read_string(c.input().len()));
    static_cast<void>(c.output().write_string("too late"));
    c.flush();
  });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add(word_of(reason)); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.receive_all() == "bye");
  BOOST_TEST(client.ending() == 0);
  BOOST_TEST(client.send("more"));
  BOOST_TEST(events.wait_for("more"));
  rig.turns();
  BOOST_TEST(rig.with_connection([](connection& c) { return c.is_active(); }));
  client.finish_writing();
  BOOST_TEST(events.wait_for("eof"));
}

BOOST_AUTO_TEST_SUITE_END()
