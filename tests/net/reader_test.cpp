// SPDX-License-Identifier: Apache-2.0
// Waiting for input: what each wait gives, how it can fail, and that a failure consumes nothing.
#include <shoal/net/reader.hpp>

#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

using shoal::connection;
using shoal::task;
using shoal::test::event_log;
using shoal::test::net_rig;
using shoal::test::pattern;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The text, or the error's word.
std::string text_of(const shoal::result<std::span<const std::byte>>& read) {
  return read ? text_of(*read) : word_of(read.error());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reader)

SHOAL_WIRE_TEST(every_read_waits_for_its_bytes) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection& c) -> task<> {
    auto in = c.reader();
    auto peeked = co_await in.peek(3);
    events.add("peek:" + text_of(peeked));
    auto longer = co_await in.peek(6);
    events.add("longer:" + text_of(longer));
    events.add("still:" + text_of(peeked));  // a later peek never overwrites an earlier one
    auto skipped = co_await in.skip(2);
    events.add(skipped ? "skipped" : "no skip");
    auto next = co_await in.next(4);
    events.add("next:" + text_of(next));
    in.release();
    auto line = co_await in.until("\r\n");
    events.add("until:" + (line ? std::to_string(line->size()) : word_of(line.error())));
    auto u16 = co_await in.read_u16_be();
    auto u32 = co_await in.read_u32_be();
    auto u64 = co_await in.read_u64_be();
    events.add(std::to_string(*u16) + "," + std::to_string(*u32) + "," + std::to_string(*u64));
    auto text = co_await in.read_string(5);
    events.add("string:" + *text);
    auto shared = co_await in.slice(3);
    events.add("slice:" + shared->to_string());
    auto rest = co_await in.take_all();
    events.add("rest:" + rest->to_string());
    auto nothing = co_await in.next(0);
    events.add(nothing && nothing->empty() ? "empty" : "not empty");
  });
  rig.start();
  peer client = rig.connect();
  // Byte by byte, so that each read has to wait.
  const auto all = "abcdefline\r\n\0\1\0\0\0\2\0\0\0\0\0\0\0\3hello123"sv;
  for (const char c : all) {
    BOOST_TEST(client.send(std::string_view{&c, 1}));
    rig.turns(1);
  }
  BOOST_TEST(events.wait_for("slice:123"));
  BOOST_TEST(client.send("rest"));
  BOOST_TEST(events.wait_for("empty"));
  BOOST_TEST(events.all().starts_with("peek:abc longer:abcdef still:abc skipped next:cdef until:6 1,2,3 string:hello "
                                      "slice:123 rest:r"));
}

SHOAL_WIRE_TEST(reads_at_eof_fail_and_consume_nothing) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection& c) -> task<> {
    auto in = c.reader();
    auto next = co_await in.next(10);
    events.add("next:" + word_of(next.error()));
    auto line = co_await in.until("\n");
    events.add("until:" + word_of(line.error()));
    auto number = co_await in.read_u64_be();
    events.add("u64:" + word_of(number.error()));
    auto shared = co_await in.slice(10);
    events.add("slice:" + word_of(shared.error()));
    auto all = co_await in.take_all();
    events.add("all:" + all->to_string());
    auto none = co_await in.take_all();
    events.add("none:" + word_of(none.error()));
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("seven77"));
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.all() == "next:eof until:eof u64:eof slice:eof all:seven77 none:eof ");
}

SHOAL_WIRE_TEST(a_read_timeout_keeps_the_data_and_the_connection) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.timeouts.read = 30ms; }};
  rig.server().on_connect([&](connection& c) -> task<> {
    auto first = co_await c.reader().peek(1);
    static_cast<void>(first);
    auto line = co_await c.reader().until("\n");
    events.add("until:" + word_of(line.error()) + ":" + std::to_string(c.input().len()));
    c.set_read_timeout(shoal::duration::zero());
    auto again = co_await c.reader().until("\n");
    events.add("again:" + std::to_string(again ? again->size() : 0));
  });
  rig.start();
  peer client = rig.connect();
  // No first byte at all may time out as well: then the wait for the line does the same.
  BOOST_TEST(client.send("lin"));
  BOOST_TEST(events.wait_for("until:read_timeout:3"));
  BOOST_TEST(client.send("e\n"));
  BOOST_TEST(events.wait_for("again:5"));
}

SHOAL_WIRE_TEST(a_deadline_or_timeout_set_during_a_wait_takes_effect_at_once) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection& c) -> task<> {
    auto first = co_await c.reader().next(1);
    events.add("first:" + word_of(first.error()));
    c.set_read_deadline(shoal::never);
    auto second = co_await c.reader().next(1);
    events.add("second:" + word_of(second.error()));
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 1; }));
  rig.turns();
  rig.with_connection([](connection& c) { c.set_read_deadline(c.owner().now() + 10ms); });
  BOOST_TEST(events.wait_for("first:read_timeout"));
  rig.with_connection([](connection& c) { c.set_read_timeout(10ms); });
  BOOST_TEST(events.wait_for("second:read_timeout"));
}

SHOAL_WIRE_TEST(a_second_reader_that_waits_is_refused_at_once) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection& c) -> task<> {
    events.add("waiting");
    auto bytes = co_await c.reader().next(4);
    events.add("first:" + text_of(bytes));
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(events.wait_for("waiting"));
  const auto second = rig.run_task([]() -> task<std::string> {
    auto bytes = co_await net_rig::only_connection().reader().next(1);
    co_return text_of(bytes);
  });
  BOOST_TEST(second == "concurrent_access");
  BOOST_TEST(client.send("data"));
  BOOST_TEST(events.wait_for("first:data"));
}

SHOAL_WIRE_TEST(a_wait_beyond_the_high_mark_raises_it_up_to_max_message) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) {
                o.connections.input = {.high = 32 << 10, .low = 8 << 10};
                o.connections.max_receive = 16 << 10;
                o.connections.max_message = 200'000;
              }};
  rig.server().on_connect([&](connection& c) -> task<> {
    auto long_one = co_await c.reader().next(200'000);
    events.add("long:" + (long_one ? std::to_string(long_one->size()) : word_of(long_one.error())));
    c.reader().release();
    auto too_long = co_await c.reader().next(200'001);
    events.add("longer:" + word_of(too_long.error()));
    auto line = co_await c.reader().until("\n");
    events.add("line:" + word_of(line.error()));
    events.add(c.is_active() ? "active" : "closed");
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send(pattern(450'000)));
  BOOST_TEST(events.wait_for("active"));
  BOOST_TEST(events.all() == "long:200000 longer:message_too_long line:message_too_long active ");
}

SHOAL_WIRE_TEST(bytes_never_released_end_in_an_error_and_not_in_all_memory) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.input = {.high = 64 << 10, .low = 16 << 10}; }};
  rig.server().on_connect([&](connection& c) -> task<> {
    for (;;) {
      auto bytes = co_await c.reader().next(1000);
      if (!bytes) {
        events.add(bytes.error() == shoal::errc::unreleased ? "unreleased" : word_of(bytes.error()));
        c.reader().release();
        break;
      }
    }
    auto more = co_await c.reader().next(1000);
    events.add(more ? "more" : word_of(more.error()));
  });
  rig.start();
  peer client = rig.connect();
  const std::string text = pattern(20'000);
  for (int i = 0; i < 100 && events.count("unreleased") == 0; ++i) {
    BOOST_TEST(client.send(text));
    rig.turns();  // or more is under way at the end than buffers take
  }
  BOOST_TEST(client.send(text));
  BOOST_TEST(events.wait_for("more"));
  BOOST_TEST(events.all() == "unreleased more ");
}

SHOAL_WIRE_TEST(a_slice_outlives_its_connection) {
  event_log events;
  net_rig rig{on};
  std::unique_ptr<shoal::link_buffer> kept;
  rig.server().on_request([&](connection& c) -> task<> {
    auto shared = co_await c.reader().slice(6);
    if (shared) kept = std::make_unique<shoal::link_buffer>(std::move(*shared));
    c.close();
  });
  rig.server().on_disconnect([&](connection&, std::error_code) { events.add("gone"); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("keepit"));
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("gone"));
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 0; }));
  BOOST_TEST(rig.on_shard([&] { return std::exchange(kept, nullptr)->to_string(); }) == "keepit");
}

BOOST_AUTO_TEST_SUITE_END()
