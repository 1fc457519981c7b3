// SPDX-License-Identifier: Apache-2.0
// Conformance of the pollers: retiring, at every moment, and what becomes of bytes, events and descriptor numbers then.
#include <shoal/core/poller/poller.hpp>
#include <tests/core/poller_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

using shoal::shutdown_side;
using shoal::test::endpoint;
using shoal::test::pattern;
using shoal::test::rig;

namespace {

template <class Backend>
[[nodiscard]] bool gone(rig<Backend>& r, const endpoint& op) {
  return r.until([&] { return op.times_retired == 1; });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(poller_retire_suite)

SHOAL_POLLER_TEST(is_reported_once_and_only_inside_poll) {
  rig<Backend> r;
  auto [left, right] = r.connect();
  BOOST_TEST(r.io->attached() == 2U);
  r.retire(left);
  BOOST_TEST(left.times_retired == 0);
  BOOST_TEST(gone(r, left));
  r.steps(5);
  BOOST_TEST(left.times_retired == 1);
  BOOST_TEST(r.io->attached() == 1U);
}

SHOAL_POLLER_TEST(one_that_was_never_attached_is_reported_too) {
  rig<Backend> r;
  const auto fd = r.machine->open_stream(AF_INET, {});
  BOOST_REQUIRE(fd.has_value());
  endpoint& op = r.make(*fd);
  r.retire(op);
  BOOST_TEST(gone(r, op));
  BOOST_TEST(r.io->attached() == 0U);
}

SHOAL_POLLER_TEST(does_not_wait_for_what_never_comes) {
  rig<Backend> r;
  shoal::tcp_options small;
  small.send_buffer_bytes = 4096;
  auto [left, right] = r.connect(AF_INET, small);
  r.io->receive(left, true);  // no byte will come
  left.piece = 1U << 20U;
  r.send(left, pattern(std::size_t{8} << 20U));  // nobody will read it
  r.steps(20);
  BOOST_TEST(left.sent < left.output.size());
  const auto start = r.machine->now();
  r.retire(left);
  BOOST_TEST(gone(r, left));
  BOOST_TEST((r.machine->now() - start < std::chrono::seconds{5}));
}

SHOAL_POLLER_TEST(with_operations_in_flight_every_byte_is_counted_once) {
  // Both directions are busy on both ends; one is retired in the middle, after more and more polls, and its heir goes
  // on where it stopped. What an acknowledgement says must be true, or bytes are lost or doubled.
  for (int polls = 0; polls < 30; ++polls) {
    rig<Backend> r;
    auto [left, right] = r.connect(polls % 2 == 0 ? AF_INET : AF_UNIX);
    left.piece = right.piece = 700;
    left.window = right.window = 1'500;
    r.io->receive(left, true);
    r.io->receive(right, true);
    r.send(left, pattern(60'000, 1));
    r.send(right, pattern(60'000, 2));
    r.steps(polls);
    r.retire(left);
    BOOST_REQUIRE(gone(r, left));
    endpoint& heir = r.attached(left.give_away());
    heir.output = left.output.substr(left.sent);
    heir.received = left.received;
    r.io->send(heir);
    r.io->receive(heir, true);
    BOOST_TEST(r.until([&, &to = right] { return to.received.size() >= 60'000 && heir.received.size() >= 60'000; }));
    r.steps(3);
    BOOST_TEST((right.received == left.output));
    BOOST_TEST((heir.received == right.output));
  }
}

SHOAL_POLLER_TEST(bytes_that_come_while_it_retires_are_reported_or_left) {
  // Late data after cancel: bytes on their way at the very moment of the retirement.
  for (int polls = 0; polls < 10; ++polls) {
    rig<Backend> r;
    auto [left, right] = r.connect();
    r.io->receive(right, true);
    r.steps(3);  // the receive is submitted, and finds nothing
    r.send(left, pattern(3'000));
    r.steps(polls);
    r.retire(right);
    r.send(left, pattern(2'000, 5));
    BOOST_REQUIRE(gone(r, right));
    BOOST_REQUIRE(r.until([&, &from = left] { return from.sent == 5'000; }));
    endpoint& heir = r.attached(right.give_away());
    heir.received = right.received;
    r.io->receive(heir, true);
    BOOST_TEST(r.arrives(left, heir));
    BOOST_TEST((heir.received == left.output));
  }
}

SHOAL_POLLER_TEST(closed_with_queued_output) {
  // What the kernel was handed arrives, then the end; what it was not handed is gone, and nothing waits for it.
  for (const int family : {AF_INET, AF_UNIX}) {
    rig<Backend> r;
    auto [left, right] = r.connect(family);
    left.piece = 1U << 20U;
    r.send(left, pattern(std::size_t{16} << 20U));
    r.steps(100);
    BOOST_REQUIRE(left.sent < left.output.size());
    r.machine->shutdown_socket(left.fd(), shutdown_side::both);
    r.retire(left);
    BOOST_REQUIRE(gone(r, left));
    r.close(left);
    right.window = 1U << 18U;
    r.io->receive(right, true);
    BOOST_TEST(r.until([&, &to = right] { return !to.hang_ups.empty(); }));
    BOOST_TEST(right.received.size() == left.sent);
    BOOST_TEST((right.received == left.output.substr(0, left.sent)));
  }
}

SHOAL_POLLER_TEST(inside_every_report) {
  rig<Backend> r;
  {
    auto [left, right] = r.connect();
    right.window = 3;
    right.on_input = [&, &self = right] {
      if (!self.retiring) r.retire(self);
    };
    r.io->receive(right, true);
    r.send(left, "bytes");
    BOOST_TEST(gone(r, right));
  }
  {
    auto [left, right] = r.connect();
    left.on_output = [&, &self = left] {
      if (!self.retiring) r.retire(self);
    };
    r.send(left, "bytes");
    BOOST_TEST(gone(r, left));
  }
  {
    auto [left, right] = r.connect();
    right.on_hang_up = [&, &self = right] { r.retire(self); };
    r.io->receive(right, true);
    r.machine->shutdown_socket(left.fd(), shutdown_side::write);
    BOOST_TEST(gone(r, right));
    BOOST_TEST(right.hang_ups.size() == 1U);
  }
  {
    auto [left, right] = r.connect();
    right.on_hang_up = [&, &self = right] { r.retire(self); };
    r.machine->abort_socket(left.fd());
    r.io->receive(right, true);
    BOOST_TEST(gone(r, right));
    BOOST_TEST(right.hang_ups.size() == 1U);
  }
}

SHOAL_POLLER_TEST(bytes_that_came_too_late_are_not_lost) {
  // A connection that moves or is detached: what was not reported before retired() is still in the socket.
  for (const int family : {AF_INET, AF_UNIX}) {
    rig<Backend> r;
    auto [left, right] = r.connect(family);
    right.window = 1'000;
    r.io->receive(right, true);
    r.send(left, pattern(20'000));
    BOOST_REQUIRE(r.until([&, &to = right] { return to.received.size() >= 2'000; }));
    r.retire(right);
    r.send(left, pattern(5'000, 9));
    BOOST_TEST(gone(r, right));
    BOOST_TEST(r.until([&, &from = left] { return from.sent == from.output.size(); }));
    endpoint& heir = r.attached(right.give_away());
    r.io->receive(heir, true);
    BOOST_TEST(r.until([&, &from = left, &first = right] {
      return first.received.size() + heir.received.size() == from.output.size();
    }));
    BOOST_TEST((right.received + heir.received == left.output));
  }
}

SHOAL_POLLER_TEST(a_neighbour_in_the_same_batch_of_events) {
  for (int i = 0; i < 10; ++i) {
    rig<Backend> r;
    auto [a, a_peer] = r.connect();
    auto [b, b_peer] = r.connect();
    r.io->receive(a, true);
    r.io->receive(b, true);
    const auto retire_other = [&](endpoint& other) {
      if (!other.retiring) r.retire(other);
    };
    // Whoever is reported first retires the other, whose event is already taken from the kernel.
    a.on_input = [&, &other = b] { retire_other(other); };
    b.on_input = [&, &other = a] { retire_other(other); };
    r.send(a_peer, "for a");
    r.send(b_peer, "for b");
    BOOST_TEST(r.until([&, &x = a, &y = b] { return x.times_retired + y.times_retired >= 1; }));
  }
}

SHOAL_POLLER_TEST(a_neighbour_that_hangs_up_in_the_same_batch) {
  rig<Backend> r;
  auto [a, a_peer] = r.connect();
  auto [b, b_peer] = r.connect();
  r.io->receive(a, true);
  r.io->receive(b, true);
  r.steps(3);
  // Paused: an error is reported straight from the event.
  r.io->receive(a, false);
  r.io->receive(b, false);
  a.on_hang_up = [&, &other = b] { r.retire(other); };
  b.on_hang_up = [&, &other = a] { r.retire(other); };
  r.machine->abort_socket(a_peer.fd());
  r.machine->abort_socket(b_peer.fd());
  BOOST_TEST(r.until([&, &x = a, &y = b] { return x.times_retired + y.times_retired == 1; }));
  BOOST_TEST(a.hang_ups.size() + b.hang_ups.size() == 1U);
}

SHOAL_POLLER_TEST(the_number_of_a_descriptor_is_used_again_in_the_same_poll) {
  rig<Backend> r;
  auto [old, old_peer] = r.connect();
  r.io->receive(old, true);
  r.send(old_peer, "for the old one");
  endpoint& listener = r.listen(AF_INET);
  const auto name = r.name_of(listener);
  const int number = old.fd();
  endpoint* heir = nullptr;
  old.on_retired = [&, &self = old] {
    r.close(self);
    int fd = -1;
    std::vector<int> others;
    while (fd != number && others.size() < 100) {
      fd = *r.machine->open_stream(AF_INET, {});
      if (fd != number) others.push_back(fd);
    }
    for (const int other : others) r.machine->close_socket(other);
    BOOST_REQUIRE(fd == number);
    heir = &r.make(fd);
    r.io->connect(*heir, name.view());
  };
  r.retire(old);
  BOOST_REQUIRE(gone(r, old));
  BOOST_REQUIRE(heir != nullptr);
  BOOST_REQUIRE(r.until([&] { return heir->outcomes.size() == 1 && listener.accepted_fds.size() == 1; }));
  r.io->receive(*heir, true);
  endpoint& peer = r.attached(listener.accepted_fds.front());
  r.send(peer, "for the heir");
  BOOST_TEST(r.arrives(peer, *heir));
  r.steps(5);
  BOOST_TEST(heir->received == "for the heir");
  BOOST_TEST(heir->hang_ups.empty());
}

SHOAL_POLLER_TEST(asking_after_retire_is_harmless) {
  rig<Backend> r;
  auto [left, right] = r.connect();
  r.send(left, "bytes");
  BOOST_REQUIRE(r.until([&, &from = left] { return from.sent == 5; }));
  r.retire(right);
  right.output = "more";
  r.io->receive(right, true);
  r.io->send(right);
  r.io->receive(right, false);
  BOOST_TEST(gone(r, right));
  BOOST_TEST(right.received.empty());
  BOOST_TEST(right.sent == 0U);
}

SHOAL_POLLER_TEST(a_thousand_at_once) {
  rig<Backend> r;
  std::vector<endpoint*> all;
  for (int i = 0; i < 200; ++i) {
    auto [left, right] = r.connect(AF_UNIX);
    r.io->receive(left, true);
    r.io->receive(right, true);
    r.send(left, "x");
    all.push_back(&left);
    all.push_back(&right);
  }
  for (endpoint* op : all) r.retire(*op);
  BOOST_TEST(
      r.until([&] { return std::ranges::all_of(all, [](const endpoint* op) { return op->times_retired == 1; }); }));
  BOOST_TEST(r.io->attached() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
