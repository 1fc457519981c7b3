// SPDX-License-Identifier: Apache-2.0
// Conformance of the pollers: bytes and the ends of streams. The rules are those of fd_operator.hpp and poller.hpp.
#include <shoal/core/poller/poller.hpp>
#include <tests/core/poller_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

using shoal::errc;
using shoal::shutdown_side;
using shoal::tcp_options;
using shoal::test::endpoint;
using shoal::test::fills_windows;
using shoal::test::pattern;
using shoal::test::rig;

namespace {

constexpr std::array families{AF_INET, AF_UNIX};

bool has_eof(const endpoint& op) { return op.hang_ups.size() == 1 && op.hang_ups.front() == errc::eof; }

tcp_options small_buffers() {
  tcp_options options;
  options.send_buffer_bytes = 4096;
  options.receive_buffer_bytes = 4096;
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(poller_transfer_suite)

SHOAL_POLLER_TEST(bytes_pass_both_ways_at_once) {
  for (const int family : families) {
    rig<Backend> r;
    auto [left, right] = r.connect(family, small_buffers());
    left.window = 777;  // reads are partial
    right.window = 60'000;
    left.piece = 1;
    right.piece = 100'000;
    r.io->receive(left, true);
    r.io->receive(right, true);
    r.send(left, pattern(100'000, 1));
    r.send(right, pattern(1'000'000, 2));
    BOOST_TEST(r.arrives(left, right));
    BOOST_TEST(r.arrives(right, left));
    BOOST_TEST((right.received == left.output));
    BOOST_TEST((left.received == right.output));
    const auto all_sent = [](const endpoint& op) { return op.sent == op.output.size(); };
    BOOST_TEST(r.until([&, &a = left, &b = right] { return all_sent(a) && all_sent(b); }));
    BOOST_TEST(r.io->counters().sent_bytes == 1'100'000U);
    BOOST_TEST(r.io->counters().received_bytes == 1'100'000U);
    BOOST_TEST(r.io->counters().sends_blocked > 0U);  // writes were partial
    BOOST_TEST(left.hang_ups.empty());
    BOOST_TEST(right.hang_ups.empty());
  }
}

SHOAL_POLLER_TEST(what_is_queued_inside_a_report_leaves_too) {
  rig<Backend> r;
  auto [left, right] = r.connect();
  r.io->receive(right, true);
  int more = 5;
  left.on_output = [&, &self = left] {
    if (more-- > 0) r.send(self, "again");
  };
  r.send(left, "first");
  BOOST_TEST(r.until([&, &to = right] { return to.received.size() == 30; }));
  BOOST_TEST(right.received == "firstagainagainagainagainagain");
}

SHOAL_POLLER_TEST(an_end_comes_after_all_bytes_and_once) {
  for (const int family : families) {
    rig<Backend> r;
    auto [left, right] = r.connect(family);
    right.window = 100;
    r.send(left, pattern(10'000));
    BOOST_REQUIRE(r.until([&, &from = left] { return from.sent == 10'000; }));
    r.machine->shutdown_socket(left.fd(), shutdown_side::write);
    r.steps(3);
    BOOST_TEST(right.hang_ups.empty());  // it has not even read yet
    r.io->receive(right, true);
    BOOST_TEST(r.until([&, &to = right] { return !to.hang_ups.empty(); }));
    BOOST_TEST(has_eof(right));
    BOOST_TEST((right.received == left.output));
    r.steps(10);
    BOOST_TEST(right.hang_ups.size() == 1U);
    // Only one direction has ended.
    r.io->receive(left, true);
    r.send(right, "the answer");
    BOOST_TEST(r.arrives(right, left));
    BOOST_TEST(left.received == "the answer");
    BOOST_TEST(left.hang_ups.empty());
  }
}

SHOAL_POLLER_TEST(an_end_that_follows_the_bytes_closely_is_not_overlooked) {
  // The bytes fit the window with room to spare, and the end came with them or just behind.
  for (const int family : families) {
    for (int i = 0; i < 20; ++i) {
      rig<Backend> r;
      auto [left, right] = r.connect(family);
      r.io->receive(right, true);
      r.send(left, "last words");
      BOOST_REQUIRE(r.until([&, &from = left] { return from.sent == 10; }));
      if (i % 2 == 0) r.step();
      r.machine->shutdown_socket(left.fd(), shutdown_side::both);
      BOOST_TEST(r.until([&, &to = right] { return has_eof(to); }));
      BOOST_TEST(right.received == "last words");
    }
  }
}

SHOAL_POLLER_TEST(a_reset_is_no_end_of_file) {
  rig<Backend> r;
  auto [left, right] = r.connect();
  r.io->receive(right, true);
  r.step();
  r.machine->abort_socket(left.fd());
  BOOST_TEST(r.until([&, &to = right] { return !to.hang_ups.empty(); }));
  BOOST_REQUIRE(right.hang_ups.size() == 1U);
  BOOST_TEST((right.hang_ups.front() == std::errc::connection_reset));
  r.steps(5);
  BOOST_TEST(right.hang_ups.size() == 1U);
}

SHOAL_POLLER_TEST(a_reset_is_reported_while_receiving_is_paused) {
  rig<Backend> r;
  auto [left, right] = r.connect();
  r.io->receive(right, true);
  r.step();
  r.io->receive(right, false);
  r.machine->abort_socket(left.fd());
  BOOST_TEST(r.until([&, &to = right] { return !to.hang_ups.empty(); }));
  BOOST_REQUIRE(right.hang_ups.size() == 1U);
  BOOST_TEST((right.hang_ups.front() == std::errc::connection_reset));
}

SHOAL_POLLER_TEST(sending_to_who_has_gone_is_an_error_and_no_signal) {
  for (const int family : families) {
    rig<Backend> r;
    auto [left, right] = r.connect(family);
    r.retire(left);
    BOOST_REQUIRE(r.until([&, &gone = left] { return gone.times_retired == 1; }));
    r.close(left);
    r.send(right, pattern(100'000));
    BOOST_TEST(r.until([&, &to = right] {
      r.io->send(to);
      return !to.hang_ups.empty();
    }));
    BOOST_TEST(
        (right.hang_ups.front() == std::errc::broken_pipe || right.hang_ups.front() == std::errc::connection_reset));
    const auto sent = right.sent;
    r.steps(5);
    BOOST_TEST(right.hang_ups.size() == 1U);
    BOOST_TEST(right.sent == sent);
  }
}

SHOAL_POLLER_TEST(the_last_bytes_of_who_resets_come_before_the_reset) {
  // A server answers early and closes without reading the rest of the request: its kernel sends the answer, then RST.
  rig<Backend> r;
  auto [client, server] = r.connect();
  client.window = 100;
  r.send(client, pattern(50'000));
  BOOST_REQUIRE(r.until([&, &from = client] { return from.sent == 50'000; }));
  const std::string answer = pattern(2'000, 3);
  r.send(server, answer);
  BOOST_REQUIRE(r.until([&, &from = server] { return from.sent == 2'000; }));
  r.retire(server);
  BOOST_REQUIRE(r.until([&, &to = server] { return to.times_retired == 1; }));
  r.close(server);
  r.io->receive(client, true);
  for (int i = 0; i < 3'000 && client.hang_ups.empty(); ++i) {
    r.send(client, pattern(100));
    r.step();
  }
  BOOST_REQUIRE(client.hang_ups.size() == 1U);
  BOOST_TEST((client.hang_ups.front() != errc::eof));
  BOOST_TEST((client.received == answer));
}

SHOAL_POLLER_TEST(pausing_and_resuming_loses_nothing) {
  for (const int family : families) {
    rig<Backend> r;
    auto [left, right] = r.connect(family);
    r.send(left, "one");
    BOOST_REQUIRE(r.until([&, &from = left] { return from.sent == 3; }));
    r.steps(5);
    BOOST_TEST(right.receives == 0);  // it never asked
    r.io->receive(right, true);
    BOOST_TEST(r.arrives(left, right));
    r.io->receive(right, false);
    r.send(left, "two");
    BOOST_REQUIRE(r.until([&, &from = left] { return from.sent == 6; }));
    r.steps(5);
    BOOST_TEST(right.received == "one");
    // Nothing new will come: the bytes that came meanwhile must be enough to be told.
    r.io->receive(right, true);
    BOOST_TEST(r.until([&, &to = right] { return to.received == "onetwo"; }));
    r.io->receive(right, false);
    r.io->receive(right, true);
    r.send(left, "three");
    BOOST_TEST(r.arrives(left, right));
    BOOST_TEST(right.received == "onetwothree");
  }
}

SHOAL_POLLER_TEST(pausing_inside_the_report_takes_effect_at_once) {
  if (!fills_windows<Backend>) SHOAL_SKIP("the kernel chooses the space");
  rig<Backend> r;
  auto [left, right] = r.connect();
  right.window = 10;
  right.on_input = [&, &self = right] { r.io->receive(self, false); };
  r.send(left, pattern(30));
  for (std::size_t before = 0; before < 30; before = right.received.size()) {
    r.io->receive(right, true);
    BOOST_REQUIRE(r.until([&, &to = right] { return to.received.size() > before; }));
    BOOST_TEST(right.received.size() <= before + 10);
    const std::size_t now = right.received.size();
    r.steps(50);
    BOOST_TEST(right.received.size() == now);
  }
  BOOST_TEST((right.received == left.output));
}

SHOAL_POLLER_TEST(a_window_that_is_filled_exactly_is_read_again) {
  for (const int family : families) {
    rig<Backend> r;
    auto [left, right] = r.connect(family);
    right.window = 64;
    r.io->receive(right, true);
    for (const std::size_t bytes : {64U, 128U, 64U, 65U, 63U}) {
      r.send(left, pattern(bytes));
      BOOST_TEST(r.arrives(left, right));
      r.steps(2);
    }
    r.machine->shutdown_socket(left.fd(), shutdown_side::write);
    BOOST_TEST(r.until([&, &to = right] { return has_eof(to); }));
    BOOST_TEST((right.received == left.output));
  }
}

SHOAL_POLLER_TEST(who_lends_no_space_is_asked_again_when_he_says_so) {
  if (!fills_windows<Backend>) SHOAL_SKIP("the kernel chooses the space");
  rig<Backend> r;
  auto [left, right] = r.connect();
  right.window = 0;
  r.io->receive(right, true);
  r.send(left, "bytes");
  BOOST_REQUIRE(r.until([&, &from = left] { return from.sent == 5; }));
  r.steps(5);
  BOOST_TEST(right.receives == 0);
  BOOST_TEST(right.hang_ups.empty());
  right.window = 100;
  r.io->receive(right, true);
  BOOST_TEST(r.arrives(left, right));
  BOOST_TEST(right.received == "bytes");
}

SHOAL_POLLER_TEST(more_bytes_wait_than_any_ring_has_buffers_for) {
  // Many peers sent much before anybody read, and one of them more than all others: a back end that receives into a
  // shared ring runs out of it, and must lose nothing, forget nobody, and let nobody take everything.
  constexpr std::size_t peers = 40;
  rig<Backend> r;
  std::vector<typename rig<Backend>::pair> all;
  for (std::size_t i = 0; i < peers; ++i) {
    all.push_back(r.connect(AF_UNIX));
    all.back().left.piece = 10'000;
    r.send(all.back().left, pattern(i == 0 ? 1'000'000 : 50'000, static_cast<std::uint32_t>(i + 1)));
  }
  r.steps(20);
  for (auto& [left, right] : all) r.io->receive(right, true);
  BOOST_TEST(r.until([&] {
    return std::ranges::all_of(all, [](const auto& p) { return p.right.received.size() == p.left.output.size(); });
  }));
  for (auto& [left, right] : all) BOOST_TEST((right.received == left.output));
}

SHOAL_POLLER_TEST(one_operator_gets_one_round_per_poll) {
  rig<Backend> r;
  auto [loud, heard] = r.connect();
  auto [quiet, listened] = r.connect();
  heard.window = 16;
  loud.piece = 16;
  r.io->receive(heard, true);
  r.io->receive(listened, true);
  r.send(loud, pattern(4'096 * 16));
  r.send(quiet, "one word");
  int polls_to_hear = 0;
  while (listened.received.empty() && polls_to_hear < 1'000) {
    const int sends = loud.sends;
    const int receives = heard.receives;
    r.step();
    ++polls_to_hear;
    BOOST_REQUIRE(loud.sends - sends <= 1);
    BOOST_REQUIRE(heard.receives - receives <= 1);
  }
  BOOST_TEST(polls_to_hear < 500);  // it takes 4,096 to hear all of the loud one
  BOOST_TEST(r.arrives(loud, heard));
  BOOST_TEST((heard.received == loud.output));
}

BOOST_AUTO_TEST_SUITE_END()
