// SPDX-License-Identifier: Apache-2.0
// Two linked connections: bytes move both ways uncopied, and the end of one becomes the end of the other.
#include <shoal/net/relay.hpp>

#include <shoal/net/dialer.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <future>
#include <string>

using shoal::connection;
using shoal::dial_options;
using shoal::dialer;
using shoal::relay;
using shoal::relay_summary;
using shoal::shard;
using shoal::task;
using shoal::test::event_log;
using shoal::test::listening_peer;
using shoal::test::net_rig;
using shoal::test::pattern;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;
using namespace std::chrono_literals;

namespace {

/// A proxy in a few lines: what connects is linked to a connection to `target`.
class proxy_rig {
 public:
  explicit proxy_rig(wire on, const std::function<void(shoal::connection_options&)>& adjust = {})
      : rig_(on, 1, [&](shoal::server_options& o) {
          if (adjust) adjust(o.connections);
        }) {
    outgoing_ = shoal::test::options_on(on);
    if (adjust) adjust(outgoing_);
    rig_.server().on_connect([this](connection& client) { return serve(client); });
    rig_.start();
  }

  /// A client, and the endpoint's end of its connection.
  [[nodiscard]] std::pair<peer, peer> connect(int client_buffer = 0) {
    peer client = rig_.connect(client_buffer);
    peer endpoint = target_.accept(rig_.on());
    return {std::move(client), std::move(endpoint)};
  }
  [[nodiscard]] net_rig& rig() noexcept { return rig_; }
  [[nodiscard]] event_log& events() noexcept { return events_; }

 private:
  task<> serve(connection& client) {
    auto profile = shoal::make_profile();
    profile->options = outgoing_;
    dialer out{client.owner(), profile};
    dial_options options;
    options.tcp.receive_buffer_bytes = 8192;  // so that a side that is not read from blocks soon
    auto dialled = co_await out.dial(target_.where(), options);
    if (!dialled) co_return client.close(shoal::close_how::reset);
    relay::link(client, dialled->release(), [this](const relay_summary& end) {
      events_.add(std::to_string(end.from_first) + "," + std::to_string(end.from_second) + "," +
                  word_of(end.first_reason) + "," + word_of(end.second_reason) + "," +
                  (end.first_ended_first ? "first" : "second"));
    });
    events_.add("linked");
  }

  event_log events_;
  listening_peer target_;
  shoal::connection_options outgoing_;
  net_rig rig_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_suite)

SHOAL_WIRE_TEST(bytes_go_both_ways) {
  proxy_rig proxy{on};
  auto [client, endpoint] = proxy.connect();
  const std::string there = pattern(3'000'000);
  const std::string back = there.substr(1'000'000);
  peer client_reads{::dup(client.fd()), on};
  peer endpoint_reads{::dup(endpoint.fd()), on};
  auto sends = std::async(std::launch::async, [&, &c = client] { return c.send(there); });
  auto answers = std::async(std::launch::async, [&, &e = endpoint] { return e.send(back); });
  auto received = std::async(std::launch::async, [&] { return client_reads.receive(back.size()); });
  BOOST_TEST((endpoint_reads.receive(there.size()) == there));
  BOOST_TEST((received.get() == back));
  BOOST_TEST(sends.get());
  BOOST_TEST(answers.get());
  client.finish_writing();
  endpoint.finish_writing();
  BOOST_TEST(client_reads.wait_for_end() == 0);
  BOOST_TEST(endpoint_reads.wait_for_end() == 0);
  // Which FIN came first is open.
  BOOST_TEST(
      proxy.rig().until([&] { return proxy.events().all().find("3000000,2000000,eof,eof,") != std::string::npos; }));
}

BOOST_AUTO_TEST_CASE(no_byte_is_copied) {
  proxy_rig proxy{wire::plain};
  auto [client, endpoint] = proxy.connect();
  const std::string text = pattern(2'000'000);
  auto sends = std::async(std::launch::async, [&, &c = client] { return c.send(text); });
  BOOST_TEST((endpoint.receive(text.size()) == text));
  BOOST_TEST(sends.get());
  BOOST_TEST(proxy.rig().on_shard([] { return shard::current().memory().bytes_copied(); }) == 0U);
}

BOOST_AUTO_TEST_CASE(an_idle_pair_has_no_frame_and_no_block) {
  proxy_rig proxy{wire::plain};
  const auto nodes = [] { return shard::current().memory().counters().nodes_in_use; };
  auto [client, endpoint] = proxy.connect();
  BOOST_TEST(proxy.events().wait_for("linked"));
  BOOST_TEST(client.send("ping"));
  BOOST_TEST(endpoint.receive(4) == "ping");
  BOOST_TEST(proxy.rig().on_shard(nodes) == 2U);  // the two connections themselves
  BOOST_TEST(proxy.rig().on_shard([] {
    std::size_t bytes = 0;
    const auto counters = shard::current().memory().counters();
    for (std::size_t i = 0; i < counters.blocks_in_use.size(); ++i) bytes += counters.blocks_in_use[i] * (4096U << i);
    return bytes == shard::current().io().memory_held();  // not the pair's
  }));
}

SHOAL_WIRE_TEST(half_close_is_forwarded_and_the_answer_comes_back) {
  proxy_rig proxy{on};
  auto [client, endpoint] = proxy.connect();
  BOOST_TEST(client.send("question"));
  client.finish_writing();
  BOOST_TEST(endpoint.receive_all() == "question");
  BOOST_TEST(endpoint.ending() == 0);
  BOOST_TEST(endpoint.send("answer"));
  endpoint.close();
  BOOST_TEST(client.receive_all() == "answer");
  BOOST_TEST(client.ending() == 0);
  BOOST_TEST(proxy.events().wait_for("8,6,eof,eof,first"));
}

SHOAL_WIRE_TEST(a_reset_is_forwarded_either_way) {
  {
    proxy_rig proxy{on};
    auto [client, endpoint] = proxy.connect();
    BOOST_TEST(client.send("x"));
    BOOST_TEST(endpoint.receive(1) == "x");
    client.reset();
    BOOST_TEST(endpoint.wait_for_end() == ECONNRESET);
    BOOST_TEST(proxy.events().wait_for("1,0,reset,reset,first"));
  }
  {
    proxy_rig proxy{on};
    auto [client, endpoint] = proxy.connect();
    BOOST_TEST(client.send("x"));
    BOOST_TEST(endpoint.receive(1) == "x");
    endpoint.reset();
    BOOST_TEST(client.wait_for_end() == ECONNRESET);
    BOOST_TEST(proxy.events().wait_for("1,0,reset,reset,second"));
  }
}

SHOAL_WIRE_TEST(a_cut_answer_reaches_a_half_closed_client_as_a_reset) {
  proxy_rig proxy{on};
  auto [client, endpoint] = proxy.connect();
  BOOST_TEST(client.send("question"));
  client.finish_writing();
  BOOST_TEST(endpoint.receive_all() == "question");
  BOOST_TEST(endpoint.send("half of the ans"));
  BOOST_TEST(client.receive(15) == "half of the ans");
  endpoint.reset();
  BOOST_TEST(client.wait_for_end() == ECONNRESET);  // an orderly end would pass for the whole answer
}

SHOAL_WIRE_TEST(a_side_that_does_not_read_stops_the_other_and_memory_stays_bounded) {
  constexpr std::size_t high = 128 << 10;
  constexpr std::size_t receive = 64 << 10;
  proxy_rig proxy{on, [](shoal::connection_options& o) {
                    o.output = o.input = {.high = high, .low = 32 << 10};
                    o.max_receive = receive;
                  }};
  auto [client, endpoint] = proxy.connect();
  const std::string text = pattern(24'000'000);
  auto sends = std::async(std::launch::async, [&, &c = client] { return c.send(text); });
  BOOST_TEST(proxy.rig().until([] { return net_rig::kernel_is_full() && net_rig::memory_here() >= high; }));
  proxy.rig().turns(50);
  BOOST_TEST(proxy.rig().on_shard(net_rig::memory_here) <= 4 * (high + receive));
  BOOST_TEST((endpoint.receive(text.size()) == text));
  BOOST_TEST(sends.get());
}

SHOAL_WIRE_TEST(two_sides_that_write_before_they_read_do_not_block_each_other) {
  // The endpoint is an echo that reads only when it could write: if a full output towards it kept the proxy from
  // reading from it, both would wait for ever.
  proxy_rig proxy{on, [](shoal::connection_options& o) {
                    o.output = o.input = {.high = 64 << 10, .low = 16 << 10};
                    o.max_receive = 64 << 10;
                  }};
  auto [client, endpoint] = proxy.connect();
  const int little = 4096;
  ::setsockopt(endpoint.fd(), SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
  const std::string text = pattern(24'000'000);
  auto echoes = std::async(std::launch::async, [&, &e = endpoint] {
    std::size_t left = text.size();
    while (left != 0) {
      const std::string piece = e.receive(std::min<std::size_t>(left, 1 << 20));
      if (piece.empty() || !e.send(piece)) return false;
      left -= piece.size();
    }
    return true;
  });
  peer reads{::dup(client.fd()), on};
  auto sends = std::async(std::launch::async, [&, &c = client] { return c.send(text); });
  BOOST_TEST((reads.receive(text.size()) == text));
  BOOST_TEST(sends.get());
  BOOST_TEST(echoes.get());
}

SHOAL_WIRE_TEST(a_pair_is_idle_only_when_both_sides_are) {
  proxy_rig proxy{on, [](shoal::connection_options& o) { o.timeouts.idle = 400ms; }};
  auto [client, endpoint] = proxy.connect();
  // One way only, for three times the timeout.
  const auto until = std::chrono::steady_clock::now() + 1200ms;
  bool flows = true;
  while (flows && std::chrono::steady_clock::now() < until) flows = endpoint.send("x") && client.receive(1) == "x";
  BOOST_TEST(flows);
  BOOST_TEST(client.wait_for_end() == 0);  // and then nothing
  BOOST_TEST(endpoint.wait_for_end() == 0);
}

SHOAL_WIRE_TEST(a_write_timeout_cuts_the_other_side_off_visibly) {
  proxy_rig proxy{on, [](shoal::connection_options& o) {
                    o.timeouts.write = 50ms;
                    o.output = {.high = 64 << 10, .low = 16 << 10};
                  }};
  auto [client, endpoint] = proxy.connect(8192);
  peer sender = std::move(endpoint);
  auto sends = std::async(std::launch::async, [&] { return sender.send(pattern(24'000'000)); });
  BOOST_TEST(proxy.rig().until([] { return net_rig::open_here() == 0; }));
  BOOST_TEST(!sends.get());
  BOOST_TEST(client.wait_for_end() == ECONNRESET);
  BOOST_TEST(sender.wait_for_end() == ECONNRESET);
}

BOOST_AUTO_TEST_CASE(a_relayed_pair_is_cut_at_the_end_of_a_graceful_stop) {
  proxy_rig proxy{wire::plain};
  auto [client, endpoint] = proxy.connect();
  BOOST_TEST(client.send("x"));
  BOOST_TEST(endpoint.receive(1) == "x");
  proxy.rig().runtime().stop();
  BOOST_TEST(endpoint.send("still served"));
  BOOST_TEST(client.receive(12) == "still served");
  proxy.rig().runtime().stop_now();
  BOOST_TEST(client.wait_for_end() == ECONNRESET);
  BOOST_TEST(endpoint.wait_for_end() == ECONNRESET);
  proxy.rig().wait_for_stop();
}

BOOST_AUTO_TEST_SUITE_END()
