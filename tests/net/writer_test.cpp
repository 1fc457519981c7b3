// SPDX-License-Identifier: Apache-2.0
// Flushing: what has been handed to the kernel, who waits for it, and what a peer that does not read costs.
#include <shoal/net/writer.hpp>

#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>
#include <string>

using shoal::close_how;
using shoal::connection;
using shoal::errc;
using shoal::task;
using shoal::test::event_log;
using shoal::test::net_rig;
using shoal::test::pattern;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;
using namespace std::chrono_literals;

namespace {

std::string word_of_result(const shoal::result<void>& r) { return r ? "ok" : word_of(r.error()); }

}  // namespace

BOOST_AUTO_TEST_SUITE(writer)

SHOAL_WIRE_TEST(flush_completes_when_the_bytes_are_with_the_kernel) {
  event_log events;
  net_rig rig{on};
  rig.server().on_request([&](connection& c) -> task<> {
    static_cast<void>(c.output().append(c.input().take_all()));
    auto flushed = co_await c.flush();
    events.add(word_of_result(flushed) + ":" + std::to_string(c.output().len()) + ":" + std::to_string(c.bytes_sent()));
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("hello"));
  BOOST_TEST(client.receive(5) == "hello");
  BOOST_TEST(events.wait_for("ok:0:5"));
}

SHOAL_WIRE_TEST(flush_waits_for_a_peer_that_does_not_read_yet) {
  event_log events;
  net_rig rig{on};
  const std::string text = pattern(16'000'000);
  rig.server().on_request([&](connection& c) -> task<> {
    static_cast<void>(c.input().take_all());
    static_cast<void>(c.output().write_string(text));
    auto flushed = co_await c.flush();
    events.add(word_of_result(flushed));
  });
  rig.start();
  peer client = rig.connect(8192);
  BOOST_TEST(client.send("go"));
  BOOST_TEST(rig.until(net_rig::kernel_is_full));
  rig.turns();
  BOOST_TEST(events.all() == "");
  BOOST_TEST((client.receive(text.size()) == text));
  BOOST_TEST(events.wait_for("ok"));
}

SHOAL_WIRE_TEST(flush_waits_for_its_own_bytes_only) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection& c) -> task<> {
    static_cast<void>(c.output().write_string("small"));
    auto first = c.flush();
    auto flushed = co_await first;
    events.add(word_of_result(flushed));
    static_cast<void>(c.output().write_string(pattern(16'000'000)));
    c.flush();                    // does not leave: nobody reads
    auto again = co_await first;  // is long done
    events.add(word_of_result(again));
  });
  rig.start();
  peer client = rig.connect(8192);
  BOOST_TEST(events.wait_for("ok", 2));
  client.reset();
}

SHOAL_WIRE_TEST(small_answers_of_one_turn_leave_in_one_call) {
  net_rig rig{on};
  rig.server().on_request([&](connection& c) {
    static_cast<void>(c.output().write_string(*c.input().read_string(1)));
    c.flush();
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("0123456789"));
  BOOST_TEST(client.receive(10) == "0123456789");
  BOOST_TEST(rig.on_shard([] { return shoal::shard::current().io().counters().sends; }) == 1U);
}

SHOAL_WIRE_TEST(a_second_writer_that_waits_is_refused) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection& c) -> task<> {
    static_cast<void>(c.output().write_string(pattern(16'000'000)));
    auto flushed = co_await c.flush();
    events.add("first:" + word_of_result(flushed));
  });
  rig.start();
  peer client = rig.connect(8192);
  BOOST_TEST(rig.until(net_rig::kernel_is_full));
  const auto second = rig.run_task([]() -> task<std::string> {
    auto flushed = co_await net_rig::only_connection().flush();
    co_return word_of_result(flushed);
  });
  BOOST_TEST(second == "concurrent_access");
  BOOST_TEST(client.receive(16'000'000).size() == 16'000'000U);
  BOOST_TEST(events.wait_for("first:ok"));
}

SHOAL_WIRE_TEST(everything_fails_after_close_and_nothing_crashes) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection& c) -> task<> {
    c.close();
    static_cast<void>(c.output().write_string("into the void"));
    auto flushed = co_await c.flush();
    events.add("flush:" + word_of_result(flushed));
    auto room = co_await c.writer().room();
    events.add("room:" + word_of_result(room));
    auto read = co_await c.reader().next(1);
    events.add("read:" + (read ? "ok" : word_of(read.error())));
    c.close_write();
    c.set_idle_timeout(1s);
  });
  rig.server().on_disconnect(
      [&](connection& c, std::error_code) { events.add(c.flush().await_ready() ? "ready" : "waits"); });
  rig.start();
  peer client = rig.connect();
  client.finish_writing();
  BOOST_TEST(client.receive_all() == "");
  BOOST_TEST(events.wait_for("ready"));
  BOOST_TEST(events.all() == "flush:closed room:closed read:closed ready ");
}

SHOAL_WIRE_TEST(room_suspends_above_the_high_mark_until_the_low_one) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.output = {.high = 256 << 10, .low = 64 << 10}; }};
  constexpr std::size_t total = 20'000'000;
  std::size_t most = 0;
  rig.server().on_connect([&](connection& c) -> task<> {
    const std::string chunk = pattern(100'000);
    for (std::size_t sent = 0; sent < total; sent += chunk.size()) {
      auto room = co_await c.writer().room();
      if (!room) co_return;
      most = std::max(most, c.output().len());
      static_cast<void>(c.output().write_string(chunk));
      c.flush();
    }
    events.add("written");
    c.close();
  });
  rig.start();
  peer client = rig.connect(8192);
  BOOST_TEST(rig.until(net_rig::kernel_is_full));
  rig.turns();
  BOOST_TEST(events.all() == "");
  BOOST_TEST(client.receive_all().size() == total);
  BOOST_TEST(events.wait_for("written"));
  BOOST_TEST(most < std::size_t{256} << 10);
}

SHOAL_WIRE_TEST(there_is_no_room_after_close_write) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection& c) -> task<> {
    static_cast<void>(c.output().write_string("last"));
    c.close_write();
    auto room = co_await c.writer().room();
    events.add("room:" + word_of_result(room));
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.receive_all() == "last");
  BOOST_TEST(events.wait_for("room:closed"));
}

SHOAL_WIRE_TEST(a_write_timeout_is_terminal) {
  event_log events;
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.timeouts.write = 50ms; }};
  rig.server().on_connect([&](connection& c) -> task<> {
    static_cast<void>(c.output().write_string(pattern(16'000'000)));
    auto flushed = co_await c.flush();
    events.add("flush:" + word_of_result(flushed));
    static_cast<void>(c.output().write_string("more"));
    auto again = co_await c.flush();
    events.add("again:" + word_of_result(again));
  });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add("disconnect:" + word_of(reason)); });
  rig.start();
  peer client = rig.connect(8192);
  BOOST_TEST(events.wait_for("disconnect:write_timeout"));
  BOOST_TEST(events.all() == "flush:write_timeout again:write_timeout disconnect:write_timeout ");
  BOOST_TEST(client.wait_for_end() == ECONNRESET);
}

SHOAL_WIRE_TEST(a_write_deadline_set_during_a_wait_takes_effect) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection& c) -> task<> {
    static_cast<void>(c.output().write_string(pattern(16'000'000)));
    auto flushed = co_await c.flush();
    events.add(word_of_result(flushed));
  });
  rig.start();
  peer client = rig.connect(8192);
  BOOST_TEST(rig.until(net_rig::kernel_is_full));
  rig.with_connection([](connection& c) { c.set_write_deadline(c.owner().now() + 10ms); });
  BOOST_TEST(events.wait_for("write_timeout"));
}

SHOAL_WIRE_TEST(a_peer_that_never_reads_its_echo_is_not_read_from) {
  constexpr std::size_t high = 256 << 10;
  constexpr std::size_t receive = 64 << 10;
  net_rig rig{on, 1, [](shoal::server_options& o) {
                o.connections.output = {.high = high, .low = 64 << 10};
                o.connections.max_receive = receive;
              }};
  std::size_t most = 0;
  rig.server().on_request([&](connection& c) {
    static_cast<void>(c.output().append(c.input().take_all()));
    c.flush();
    most = std::max(most, net_rig::memory_here());
  });
  rig.start();
  peer client = rig.connect(8192);
  const std::string text = pattern(24'000'000);
  const int copy = ::dup(client.fd());
  peer reading{copy, on};
  auto sending = std::async(std::launch::async, [&] { return client.send(text); });
  BOOST_TEST(rig.until(net_rig::kernel_is_full));
  BOOST_TEST((reading.receive(text.size()) == text));
  BOOST_TEST(sending.get());
  // One receive may pass the mark, a filter holds both forms for a moment, and blocks are not always full.
  BOOST_TEST(rig.on_shard([&] { return most; }) <= 3 * (high + receive));
}

SHOAL_WIRE_TEST(read_and_write_copy_like_a_stream) {
  event_log events;
  net_rig rig{on};
  rig.server().on_connect([&](connection& c) -> task<> {
    std::array<std::byte, 1000> room{};
    for (;;) {
      auto count = co_await c.read(room);
      if (!count || *count == 0) {
        events.add(count ? "end" : word_of(count.error()));
        co_return;
      }
      auto written = co_await c.write(std::span{room}.first(*count));
      if (!written) co_return;
      // A loop of reads holds no more than what is unread.
      if (c.input().unreleased() != 0) events.add("unreleased");
    }
  });
  rig.start();
  peer client = rig.connect();
  const std::string text = pattern(200'000);
  auto sending = std::async(std::launch::async, [&] { return client.send(text); });
  peer reading{::dup(client.fd()), on};
  BOOST_TEST((reading.receive(text.size()) == text));
  BOOST_TEST(sending.get());
  client.finish_writing();
  BOOST_TEST(events.wait_for("end"));
  BOOST_TEST(events.all() == "end ");
}

BOOST_AUTO_TEST_SUITE_END()
