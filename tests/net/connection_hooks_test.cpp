// SPDX-License-Identifier: Apache-2.0
// Which hooks run, in what order, how often (connection.md, section 4).
#include <shoal/net/connection.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

using shoal::close_how;
using shoal::connection;
using shoal::task;
using shoal::test::event_log;
using shoal::test::gate;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;

namespace {

std::string take_text(connection& c) { return *c.input().read_string(c.input().len()); }

}  // namespace

BOOST_AUTO_TEST_SUITE(connection_hooks)

static_assert(sizeof(connection) <= 512, "the budget of connection.md");

SHOAL_WIRE_TEST(hooks_run_in_order_and_callbacks_last_added_first) {
  event_log events;
  net_rig rig{on};
  rig.server().on_prepare([&](connection& c) {
    events.add("prepare");
    for (const char* name : {"callback1", "callback2", "callback3"}) {
      c.add_close_callback([&events, name](connection&) { events.add(name); });
    }
  });
  rig.server().on_connect([&](connection&) { events.add("connect"); });
  rig.server().on_request([&](connection& c) { events.add("request:" + take_text(c)); });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add("disconnect:" + word_of(reason)); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("one"));
  BOOST_TEST(events.wait_for("request:one"));
  BOOST_TEST(client.send("two"));
  BOOST_TEST(events.wait_for("request:two"));
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("callback1"));
  BOOST_TEST(events.all() == "prepare connect request:one request:two disconnect:eof callback3 callback2 callback1 ");
}

SHOAL_WIRE_TEST(a_connection_closed_in_prepare_has_no_further_hooks) {
  event_log events;
  net_rig rig{on};
  rig.server().on_prepare([&](connection& c) {
    c.add_close_callback([&](connection&) { events.add("callback"); });
    c.close();
    events.add("prepare");
  });
  rig.server().on_connect([&](connection&) { events.add("connect"); });
  rig.server().on_request([&](connection&) { events.add("request"); });
  rig.server().on_disconnect([&](connection&, std::error_code) { events.add("disconnect"); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("callback"));
  BOOST_TEST(rig.until([] { return shoal::shard::current().local<shoal::connection_table>().size() == 0; }));
  BOOST_TEST(events.all() == "prepare callback ");
}

SHOAL_WIRE_TEST(a_handler_replaced_inside_on_connect_is_the_one_that_runs) {
  event_log events;
  net_rig rig{on};
  // on_prepare overrides first: the running on_connect must then be kept by the connection's own table.
  rig.server().on_prepare([](connection& c) { c.set_idle_timeout(std::chrono::minutes{1}); });
  const auto word = std::make_shared<std::string>("still here, and too long to be stored in place");
  rig.server().on_connect([&events, word](connection& c) {
    c.set_on_request([&events](connection& inner) { events.add("second:" + take_text(inner)); });
    c.set_idle_timeout(std::chrono::minutes{2});
    events.add(*word);
  });
  rig.server().on_request([&](connection&) { events.add("first"); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("x"));
  BOOST_TEST(events.wait_for("second:x"));
  BOOST_TEST(events.count("first") == 0U);
  BOOST_TEST(events.count(*word) == 1U);
}

SHOAL_WIRE_TEST(a_handler_replaced_inside_on_request_takes_over_at_the_next_call) {
  event_log events;
  net_rig rig{on};
  const auto word = std::make_shared<std::string>("first");
  rig.server().on_request([&events, word](connection& c) -> task<> {
    c.set_on_request([&events](connection& inner) { events.add("second:" + take_text(inner)); });
    auto byte = co_await c.reader().next(1);
    events.add(*word + (byte ? "" : " failed"));
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("abc"));
  BOOST_TEST(events.wait_for("second:bc"));
  BOOST_TEST(events.all() == "first second:bc ");
}

SHOAL_WIRE_TEST(a_hook_that_overrides_settings_while_the_connection_ends_is_kept) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&events](connection& c) {
    const auto word = std::make_shared<std::string>("a reason that is told at the very end of it all");
    c.set_on_disconnect([&events, word](connection& inner, std::error_code) {
      inner.set_idle_timeout(std::chrono::seconds{1});
      events.add(*word);
    });
    c.close();
  });
  rig.start();
  peer client = rig.connect();
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("a reason that is told at the very end of it all"));
}

SHOAL_WIRE_TEST(a_handler_without_progress_waits_for_new_bytes) {
  event_log events;
  net_rig rig{on};
  rig.server().on_request(
      [&](connection& c) { events.add((c.at_eof() ? "final:" : "call:") + std::to_string(c.input().len())); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("a"));
  BOOST_TEST(events.wait_for("call:1"));
  rig.turns();
  BOOST_TEST(client.send("b"));
  BOOST_TEST(events.wait_for("call:2"));
  rig.turns();
  BOOST_TEST(events.all() == "call:1 call:2 ");
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.all() == "call:1 call:2 final:2 ");
}

SHOAL_WIRE_TEST(a_handler_with_progress_gets_its_leftovers) {
  event_log events;
  net_rig rig{on};
  const std::string text = shoal::test::pattern(1000);  // more than one turn's calls
  std::string seen;
  rig.server().on_request([&](connection& c) {
    seen += *c.input().read_string(1);
    if (seen.size() == text.size()) events.add("all");
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send(text));
  BOOST_TEST(events.wait_for("all"));
  BOOST_TEST((seen == text));
}

SHOAL_WIRE_TEST(leftovers_at_eof_are_handed_over_as_long_as_there_is_progress) {
  event_log events;
  net_rig rig{on};
  rig.server().on_request([&](connection& c) {
    if (c.at_eof()) events.add(*c.input().read_string(1));
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("abc"));
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.all() == "a b c ");
}

SHOAL_WIRE_TEST(data_that_arrives_while_on_connect_is_suspended_waits) {
  event_log events;
  gate door;
  net_rig rig{on};
  rig.server().on_connect([&](connection&) -> task<> {
    events.add("connecting");
    co_await door;
    events.add("connected");
  });
  rig.server().on_request([&](connection& c) { events.add("request:" + take_text(c)); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("early"));
  BOOST_TEST(events.wait_for("connecting"));
  BOOST_TEST(rig.until([] { return net_rig::only_connection().input().len() == 5; }));
  rig.turns();
  BOOST_TEST(events.all() == "connecting ");
  rig.on_shard([&] { door.open(); });
  BOOST_TEST(events.wait_for("request:early"));
  BOOST_TEST(events.all() == "connecting connected request:early ");
}

SHOAL_WIRE_TEST(one_message_per_call_answers_every_frame) {
  event_log events;
  net_rig rig{on};
  rig.server().on_request([&](connection& c) -> task<> {
    auto size = co_await c.reader().read_u32_be();
    if (!size) co_return;
    auto frame = co_await c.reader().slice(*size);
    if (!frame) co_return;
    events.add("frame");
    static_cast<void>(c.output().append(std::move(*frame)));
    c.flush();
  });
  rig.start();
  peer client = rig.connect();
  using namespace std::string_view_literals;
  BOOST_TEST(client.send("\0\0\0\3one\0\0\0\3two\0\0"sv));
  BOOST_TEST(client.receive(6) == "onetwo");
  BOOST_TEST(client.send("\0\5thr"sv));
  rig.turns();
  BOOST_TEST(client.send("ee"));
  BOOST_TEST(client.receive(5) == "three");
  BOOST_TEST(events.count("frame") == 3U);
  // Idle, in the message-per-call style, a connection holds no block.
  BOOST_TEST(rig.until([] {
    connection& c = net_rig::only_connection();
    return c.input().held_bytes() + c.output().held_bytes() == 0;
  }));
}

SHOAL_WIRE_TEST(a_session_loop_reads_until_eof) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection& c) -> task<> {
    for (;;) {
      auto line = co_await c.reader().until("\n");
      if (!line) {
        events.add("end:" + word_of(line.error()));
        co_return;
      }
      static_cast<void>(c.output().write_binary(*line));
      c.reader().release();
      c.flush();
    }
  });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add("disconnect:" + word_of(reason)); });
  rig.start();
  peer client = rig.connect();
  for (int i = 0; i < 10; ++i) {
    BOOST_TEST(client.send("hello\n"));
    BOOST_TEST(client.receive(6) == "hello\n");
  }
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("disconnect:eof"));
  BOOST_TEST(events.all() == "end:eof disconnect:eof ");
}

SHOAL_WIRE_TEST(a_peer_that_pipelines_does_not_hold_the_shard) {
  constexpr std::size_t messages = 5000;
  net_rig rig{on};
  std::uint64_t turn = 0;
  std::size_t in_turn = 0;
  std::size_t most_in_turn = 0;
  std::size_t answered = 0;
  rig.server().on_request([&](connection& c) {
    const auto now = shoal::shard::current().counters().turns;
    in_turn = now == turn ? in_turn + 1 : 1;
    turn = now;
    most_in_turn = std::max(most_in_turn, in_turn);
    ++answered;
    static_cast<void>(c.input().skip(1));  // one byte is a message
    static_cast<void>(c.output().write_string("x"));
    c.flush();
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send(std::string(messages, '?')));
  BOOST_TEST(client.receive(messages) == std::string(messages, 'x'));
  BOOST_TEST(rig.on_shard([&] { return answered; }) == messages);
  BOOST_TEST(rig.on_shard([&] { return most_in_turn; }) <= 64U);
}

SHOAL_WIRE_TEST(the_context_set_by_a_hook_is_found_by_the_next) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([](connection& c) { c.set_context(std::string{"mine"}); });
  rig.server().on_request([&](connection& c) {
    events.add(c.context<int>() == nullptr ? *c.context<std::string>() : "of another type");
    static_cast<void>(c.input().take_all());
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("?"));
  BOOST_TEST(events.wait_for("mine"));
}

BOOST_AUTO_TEST_SUITE_END()
