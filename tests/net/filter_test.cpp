// SPDX-License-Identifier: Apache-2.0
// Filters: bytes of their own, farewells, errors, and counting in plain bytes.
#include <shoal/net/filter.hpp>

#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <memory>
#include <string>

using shoal::connection;
using shoal::filter;
using shoal::link_buffer;
using shoal::test::event_log;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;

namespace {

/// Says "hi:" first and ":bye" before FIN, wants "ok:" first, and refuses '!'.
class polite_filter final : public filter {
 public:
  std::error_code decode(link_buffer& raw, link_buffer& plain, bool) override {
    if (!greeted_) {
      if (raw.len() < 3) return {};
      if (!raw.starts_with("ok:")) return make_error_code(shoal::errc::invalid_argument);
      static_cast<void>(raw.skip(3));
      greeted_ = true;
    }
    if (raw.find('!') != link_buffer::npos) return make_error_code(shoal::errc::invalid_argument);
    static_cast<void>(plain.append(raw.take_all()));
    static_cast<void>(plain.commit());
    return {};
  }
  std::error_code encode(link_buffer& plain, link_buffer& raw) override {
    if (!said_hello_) static_cast<void>(raw.write_string("hi:"));
    said_hello_ = true;
    static_cast<void>(raw.append(plain.take_all()));
    static_cast<void>(raw.commit());
    return {};
  }
  bool want_write() const noexcept override { return greeted_ && !said_hello_; }
  std::error_code close_write(link_buffer& raw) override {
    static_cast<void>(raw.write_string(":bye"));
    static_cast<void>(raw.commit());
    return {};
  }

 private:
  bool greeted_ = false;
  bool said_hello_ = false;
};

void be_polite(shoal::server_options& options) {
  options.connections.make_filter = [] { return std::make_unique<polite_filter>(); };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(filter_suite)

BOOST_AUTO_TEST_CASE(a_filter_may_send_before_anybody_writes_and_say_farewell) {
  event_log events;
  net_rig rig{wire::plain, 1, be_polite};
  rig.server().on_request([&](connection& c) {
    events.add(*c.input().read_string(c.input().len()) + ":" + std::to_string(c.bytes_received()));
    static_cast<void>(c.output().write_string("answer"));
    c.close();
  });
  rig.server().on_disconnect([&](connection& c, std::error_code) { events.add(std::to_string(c.bytes_sent())); });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("o"));
  BOOST_TEST(client.send("k:"));
  BOOST_TEST(client.receive(3) == "hi:");
  BOOST_TEST(client.send("question"));
  BOOST_TEST(client.receive_all() == "answer:bye");
  BOOST_TEST(client.ending() == 0);
  client.close();
  BOOST_TEST(events.wait_for("6"));
  BOOST_TEST(events.all() == "question:8 6 ");  // plain bytes both ways
}

BOOST_AUTO_TEST_CASE(a_flush_through_a_filter_completes_with_its_plain_bytes) {
  event_log events;
  net_rig rig{wire::plain, 1, be_polite};
  rig.server().on_request([&](connection& c) -> shoal::task<> {
    static_cast<void>(c.output().append(c.input().take_all()));
    auto flushed = co_await c.flush();
    events.add((flushed ? "flushed:" : word_of(flushed.error())) + std::to_string(c.bytes_sent()));
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("ok:1234567"));
  BOOST_TEST(client.receive(10) == "hi:1234567");
  BOOST_TEST(events.wait_for("flushed:7"));
}

BOOST_AUTO_TEST_CASE(an_error_of_the_filter_ends_the_connection_by_a_reset) {
  for (const char* text : {"no:", "ok:a!"}) {
    event_log events;
    net_rig rig{wire::plain, 1, be_polite};
    rig.server().on_connect([&](connection&) { events.add("connect"); });
    rig.server().on_request([&](connection&) { events.add("request"); });
    rig.server().on_disconnect([&](connection&, std::error_code reason) {
      events.add(reason == shoal::errc::invalid_argument ? "refused" : word_of(reason));
    });
    rig.start();
    peer client = rig.connect();
    BOOST_TEST(events.wait_for("connect"));
    BOOST_TEST(client.send(text));
    BOOST_TEST(client.wait_for_end() == ECONNRESET);
    BOOST_TEST(events.wait_for("refused"));
    BOOST_TEST(events.count("request") == 0U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
