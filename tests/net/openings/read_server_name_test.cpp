// SPDX-License-Identifier: Apache-2.0
// Waiting for a ClientHello on a connection: all of it stays in the input, what is none gets no reply.
#include <shoal/net/sni/read_server_name.hpp>

#include <tests/net/net_rig.hpp>
#include <tests/net/openings/byte_table.hpp>
#include <tests/net/openings/hello_maker.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

using shoal::close_how;
using shoal::connection;
using shoal::task;
using shoal::test::event_log;
using shoal::test::hello_for;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;
using namespace std::chrono_literals;

namespace {

/// Finds the name, and echoes everything.
struct name_reader {
  name_reader(wire on, shoal::duration within, std::size_t high = std::size_t{1} << 20)
      : rig{on, 1, [high](shoal::server_options& o) { o.connections.input = {.high = high, .low = high / 4}; }} {
    rig.server().on_connect([this, within](connection& c) { return find(c, within); });
    rig.server().on_request([](connection& c) {
      if (c.output().append(c.input().take_all())) c.flush();
    });
    rig.start();
  }
  task<> find(connection& c, shoal::duration within) {
    auto reading = read_server_name(c, c.owner().now() + within);
    const auto name = co_await reading;
    events.add(name ? "name:" + *name : "refused:" + word_of(name.error()));
    if (!name) c.close(close_how::reset, name.error());
  }

  event_log events;
  net_rig rig;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(read_server_name_suite)

SHOAL_WIRE_TEST(a_hello_in_two_pieces_is_understood_and_stays) {
  name_reader test{on, 30s};
  const std::string bytes = hello_for("a.example", 90) + "more";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    peer client = test.rig.connect();
    BOOST_REQUIRE(client.send(std::string_view{bytes}.substr(0, cut)));
    test.rig.turns(2);
    BOOST_REQUIRE(client.send(std::string_view{bytes}.substr(cut)));
    BOOST_TEST(client.receive(bytes.size()) == bytes, "cut at " << cut);
  }
  BOOST_TEST(test.events.count("name:a.example") == bytes.size() - 1);
}

SHOAL_WIRE_TEST(a_hello_above_the_high_mark_is_waited_for_all_the_same) {
  name_reader test{on, 30s, 4096};
  const std::string padding = shoal::test::extension(21, std::string(50'000, '\0'));
  const std::string message = shoal::test::hello_with(padding + shoal::test::server_name_extension("a.example"));
  const std::string bytes = shoal::test::in_records(message, 16384);
  peer client = test.rig.connect();
  BOOST_REQUIRE(client.send(bytes));
  BOOST_TEST((client.receive(bytes.size()) == bytes));
  BOOST_TEST(test.events.wait_for("name:a.example"));
}

SHOAL_WIRE_TEST(a_bad_hello_is_refused_at_once_and_answered_by_nothing) {
  name_reader test{on, 30s};
  for (const auto& row : shoal::test::byte_table("bad_client_hellos.txt")) {
    peer client = test.rig.connect();
    BOOST_REQUIRE(client.send(row.bytes));
    BOOST_TEST(client.receive_all() == "", "line " << row.line);
    BOOST_TEST(test.events.wait_for("refused:" + row.why), "line " << row.line << ": " << row.why);
  }
}

SHOAL_WIRE_TEST(a_hello_that_never_ends_is_refused_at_the_deadline) {
  name_reader test{on, 300ms};
  const std::string bytes = hello_for("a.example", 90);
  for (const std::size_t here : {std::size_t{0}, std::size_t{3}, std::size_t{60}, bytes.size() - 1}) {
    peer client = test.rig.connect();
    BOOST_REQUIRE(here == 0 || client.send(std::string_view{bytes}.substr(0, here)));
    BOOST_TEST(client.receive_all() == "");
  }
  BOOST_TEST(test.events.wait_for("refused:read_timeout", 4));
}

SHOAL_WIRE_TEST(an_end_before_the_hello_is_an_end) {
  name_reader test{on, 30s};
  peer client = test.rig.connect();
  BOOST_REQUIRE(client.send(hello_for("a.example").substr(0, 40)));
  client.finish_writing();
  BOOST_TEST(client.receive_all() == "");
  BOOST_TEST(test.events.wait_for("refused:eof"));
}

BOOST_AUTO_TEST_SUITE_END()
