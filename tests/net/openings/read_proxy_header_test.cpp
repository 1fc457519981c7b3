// SPDX-License-Identifier: Apache-2.0
// Waiting for a PROXY header on a connection: what a client sees that has one, a bad one, or none.
#include <shoal/net/proxy_protocol/read_proxy_header.hpp>

#include <shoal/core/sleep.hpp>
#include <tests/net/net_rig.hpp>
#include <tests/net/openings/byte_table.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

using shoal::close_how;
using shoal::connection;
using shoal::proxy_header_policy;
using shoal::shard_id;
using shoal::task;
using shoal::test::bytes_of;
using shoal::test::event_log;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view v1 = "PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n";

/// Reads a header, says whose it was, and echoes the rest; a client without one is told so or closed.
struct greeter {
  greeter(wire on, proxy_header_policy policy, shoal::duration within, unsigned shards = 1) : rig{on, shards} {
    rig.server().on_connect([this, policy, within](connection& c) { return greet(c, policy, within); });
    rig.server().on_request([](connection& c) {
      if (c.output().append(c.input().take_all())) c.flush();
    });
    rig.server().on_disconnect([this](connection&, std::error_code why) { events.add("end:" + word_of(why)); });
    rig.start();
  }

  task<> greet(connection& c, proxy_header_policy policy, shoal::duration within) {
    auto reading = read_proxy_header(c, policy, c.owner().now() + within);
    auto header = co_await reading;
    if (!header) {
      events.add("refused:" + word_of(header.error()));
      c.close(close_how::reset, header.error());
      co_return;
    }
    const std::string who = !*header ? "nobody" : to_string((*header)->source);
    if (c.output().write_string(who + ';')) c.flush();
    events.add(who);
    if (c.owner().owner().shards() > 1) static_cast<void>(c.move_to(static_cast<shard_id>(1 - c.owner().id())));
  }

  event_log events;
  net_rig rig;
};

task<bool> a_while() {
  auto silence = shoal::sleep_for(20ms);
  co_await silence;
  co_return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(read_proxy_header_suite)

SHOAL_WIRE_TEST(a_header_in_two_pieces_is_taken_and_the_rest_is_untouched) {
  greeter test{on, proxy_header_policy::require, 30s};
  for (const std::string& header :
       {std::string{v1}, bytes_of("SIG 21 11 0011 c0000201 c0000209 dc04 01bb 020002 'ab'")}) {
    const std::string all = header + "hello";
    for (std::size_t cut = 1; cut < all.size(); ++cut) {
      peer client = test.rig.connect();
      BOOST_REQUIRE(client.send(std::string_view{all}.substr(0, cut)));
      test.rig.turns(2);
      BOOST_REQUIRE(client.send(std::string_view{all}.substr(cut)));
      BOOST_TEST(client.receive(21) == "192.0.2.1:56324;hello", "cut at " << cut);
    }
  }
}

SHOAL_WIRE_TEST(a_bad_header_is_refused_at_once_and_answered_by_nothing) {
  greeter test{on, proxy_header_policy::require, 30s};
  peer neighbour = test.rig.connect();
  BOOST_REQUIRE(neighbour.send(v1));
  BOOST_TEST(neighbour.receive(16) == "192.0.2.1:56324;");
  for (const auto& row : shoal::test::byte_table("bad_proxy_headers.txt")) {
    peer client = test.rig.connect();
    BOOST_REQUIRE(client.send(row.bytes));
    BOOST_TEST(client.receive_all() == "", "line " << row.line);
    BOOST_TEST(test.events.wait_for("refused:" + row.why), "line " << row.line << ": " << row.why);
  }
  BOOST_REQUIRE(neighbour.send("still here"));
  BOOST_TEST(neighbour.receive(10) == "still here");
}

SHOAL_WIRE_TEST(a_header_that_never_ends_is_refused_at_the_deadline) {
  greeter test{on, proxy_header_policy::require, 50ms};
  for (const std::string& begun : {std::string{}, std::string{"PRO"}, std::string{"PROXY TCP4 192.0.2.1"},
                                   bytes_of("SIG"), bytes_of("SIG 21 11 000c c0000201")}) {
    peer client = test.rig.connect();
    BOOST_REQUIRE(begun.empty() || client.send(begun));
    BOOST_TEST(client.receive_all() == "");
  }
  BOOST_TEST(test.events.wait_for("refused:read_timeout", 5));
}

SHOAL_WIRE_TEST(one_byte_now_and_then_does_not_stretch_the_deadline) {
  greeter test{on, proxy_header_policy::require, 200ms};
  peer client = test.rig.connect();
  std::size_t sent = 0;
  while (sent < v1.size() && test.events.count("refused:read_timeout") == 0) {
    if (!client.send(v1.substr(sent++, 1))) break;
    static_cast<void>(test.rig.run_task(a_while));
  }
  BOOST_TEST(test.events.wait_for("refused:read_timeout"));
  BOOST_TEST(sent < v1.size());
}

SHOAL_WIRE_TEST(an_end_before_the_header_is_an_end) {
  greeter test{on, proxy_header_policy::require, 30s};
  for (const std::string_view begun : {"", "PROXY TCP4 192."}) {
    peer client = test.rig.connect();
    BOOST_REQUIRE(begun.empty() || client.send(begun));
    client.finish_writing();
    BOOST_TEST(client.receive_all() == "");
  }
  BOOST_TEST(test.events.wait_for("refused:eof", 2));
}

SHOAL_WIRE_TEST(who_may_lack_a_header_is_told_by_the_first_bytes) {
  greeter test{on, proxy_header_policy::accept, 30s};
  peer with = test.rig.connect();
  BOOST_REQUIRE(with.send(std::string{v1} + "hello"));
  BOOST_TEST(with.receive(21) == "192.0.2.1:56324;hello");
  for (const std::string_view text : {"hello", "PROXIMA", "POST /", "\r\n\r\n\r\n", "PROXY\r\n"}) {
    peer without = test.rig.connect();
    BOOST_REQUIRE(without.send(text));
    BOOST_TEST(without.receive(7 + text.size()) == "nobody;" + std::string{text});
  }
  // What begins with a signature is a header, and must be a good one.
  peer bad = test.rig.connect();
  BOOST_REQUIRE(bad.send("PROXY please\r\n"));
  BOOST_TEST(bad.receive_all() == "");
}

SHOAL_WIRE_TEST(who_may_lack_a_header_and_says_nothing_is_served_at_the_deadline) {
  greeter test{on, proxy_header_policy::accept, 500ms};
  peer silent = test.rig.connect();
  peer terse = test.rig.connect();
  BOOST_REQUIRE(terse.send("P"));
  peer begun = test.rig.connect();
  BOOST_REQUIRE(begun.send("PROXY TCP4 "));
  BOOST_TEST(silent.receive(7) == "nobody;");
  BOOST_TEST(terse.receive(8) == "nobody;P");
  BOOST_TEST(begun.receive_all() == "");
  BOOST_TEST(test.events.wait_for("refused:read_timeout"));
}

SHOAL_WIRE_TEST(a_short_message_without_a_header_survives_its_end) {
  greeter test{on, proxy_header_policy::accept, 30s};
  peer client = test.rig.connect();
  BOOST_REQUIRE(client.send("PROX"));
  client.finish_writing();
  BOOST_TEST(client.receive_all() == "nobody;PROX");
}

SHOAL_WIRE_TEST(a_connection_moves_like_any_other_once_its_header_is_read) {
  greeter test{on, proxy_header_policy::require, 30s, 2};
  peer client = test.rig.connect();
  BOOST_REQUIRE(client.send(std::string{v1} + "one"));
  BOOST_TEST(client.receive(19) == "192.0.2.1:56324;one");
  const auto has_moved = [&] {
    std::uint64_t moves = 0;
    for (const shard_id where : {shard_id{0}, shard_id{1}}) {
      moves += test.rig.on_shard(
          [] { return shoal::shard::current().local<shoal::connection_table>().counters().moved_out; }, where);
    }
    return moves == 1;
  };
  for (int tries = 0; tries < 100000 && !has_moved(); ++tries) {
  }
  BOOST_TEST(has_moved());
  BOOST_REQUIRE(client.send("two"));
  BOOST_TEST(client.receive(3) == "two");
}

SHOAL_WIRE_TEST(a_stop_does_not_wait_for_a_header) {
  greeter test{on, proxy_header_policy::require, 300s};
  peer client = test.rig.connect();
  BOOST_REQUIRE(test.rig.until([] { return net_rig::open_here() == 1; }));
  test.rig.stop();
  BOOST_TEST(client.receive_all() == "");
}

BOOST_AUTO_TEST_SUITE_END()
