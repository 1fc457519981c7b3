// SPDX-License-Identifier: Apache-2.0
// Conformance of the pollers: connecting.
#include <shoal/core/poller/poller.hpp>
#include <tests/core/poller_rig.hpp>
#include <tests/skip.hpp>

#include <boost/test/unit_test.hpp>

using shoal::test::endpoint;
using shoal::test::loopback;
using shoal::test::rig;

namespace {

/// A port or name where nobody listens any more.
template <class Backend>
shoal::socket_name deserted(rig<Backend>& r, int family) {
  endpoint& listener = r.listen(family);
  const auto name = r.name_of(listener);
  r.retire(listener);
  BOOST_REQUIRE(r.until([&] { return listener.times_retired == 1; }));
  r.close(listener);
  return name;
}

/// A dial that hangs: the listener's queue is full, so the kernel answers no more.
template <class Backend>
endpoint& hanging_dial(rig<Backend>& r) {
  endpoint& listener = r.listen(AF_INET, {.backlog = 0, .tcp = {}});
  r.io->accept(listener, false);
  const auto name = r.name_of(listener);
  for (int i = 0; i < 10; ++i) {
    endpoint& op = r.dial(name.view());
    for (int wait = 0; wait < 5 && op.outcomes.empty(); ++wait) r.sleep(std::chrono::milliseconds{5});
    if (op.outcomes.empty()) return op;
  }
  BOOST_FAIL("no dial hangs");
  return listener;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(poller_connect_suite)

SHOAL_POLLER_TEST(reports_success_once_and_carries_bytes_both_ways) {
  for (const int family : {AF_INET, AF_UNIX}) {
    rig<Backend> r;
    auto [left, right] = r.connect(family);
    r.io->receive(left, true);
    r.io->receive(right, true);
    r.send(left, "hello");
    r.send(right, "and hello");
    BOOST_TEST(r.arrives(left, right));
    BOOST_TEST(r.arrives(right, left));
    r.steps(5);
    BOOST_TEST(left.outcomes.size() == 1U);
    BOOST_TEST(r.io->counters().connects == 1U);
  }
}

SHOAL_POLLER_TEST(ipv6) {
  rig<Backend> r;
  const auto probe = r.machine->open_listener(loopback(AF_INET6).view(), {});
  if (!probe) SHOAL_SKIP("no IPv6 on this machine");
  r.machine->close_socket(*probe);
  auto [left, right] = r.connect(AF_INET6);
  r.io->receive(right, true);
  r.send(left, "hello");
  BOOST_TEST(r.arrives(left, right));
  BOOST_TEST(r.machine->peer_name(left.fd())->storage.ss_family == AF_INET6);
}

SHOAL_POLLER_TEST(what_is_asked_for_inside_connected_is_done) {
  rig<Backend> r;
  endpoint& listener = r.listen(AF_INET);
  endpoint& op = r.dial(r.name_of(listener).view());
  op.on_connected = [&] {
    r.io->receive(op, true);
    r.send(op, "early");
  };
  BOOST_REQUIRE(r.until([&] { return listener.accepted_fds.size() == 1; }));
  endpoint& peer = r.attached(listener.accepted_fds.front());
  r.io->receive(peer, true);
  BOOST_TEST(r.arrives(op, peer));
  r.send(peer, "back");
  BOOST_TEST(r.arrives(peer, op));
}

SHOAL_POLLER_TEST(refused_keeps_its_code) {
  for (const int family : {AF_INET, AF_UNIX}) {
    rig<Backend> r;
    const auto nobody = deserted(r, family);
    endpoint& op = r.dial(nobody.view());
    BOOST_TEST(op.outcomes.empty());  // never inside connect() itself
    BOOST_REQUIRE(r.until([&] { return !op.outcomes.empty(); }));
    BOOST_TEST((op.outcomes.front() == std::errc::connection_refused));
    r.steps(5);
    BOOST_TEST(op.outcomes.size() == 1U);
    BOOST_TEST(op.hang_ups.empty());
  }
}

SHOAL_POLLER_TEST(two_that_fail_together_may_retire_each_other) {
  // Happy eyeballs: the first outcome ends all attempts.
  for (const int family : {AF_INET, AF_UNIX}) {
    rig<Backend> r;
    const auto nobody = deserted(r, family);
    endpoint& first = r.dial(nobody.view());
    endpoint& second = r.dial(nobody.view());
    first.on_connected = [&] { r.retire(second); };
    second.on_connected = [&] { r.retire(first); };
    BOOST_TEST(r.until([&] { return first.times_retired + second.times_retired == 1; }));
    BOOST_TEST(first.outcomes.size() + second.outcomes.size() == 1U);
  }
}

SHOAL_POLLER_TEST(retired_while_it_connects) {
  rig<Backend> r;
  endpoint& op = hanging_dial(r);
  r.retire(op);
  BOOST_TEST(r.until([&] { return op.times_retired == 1; }));
  BOOST_TEST(op.outcomes.empty());
}

SHOAL_POLLER_TEST(retired_before_the_outcome_was_reported) {
  for (const int family : {AF_INET, AF_UNIX}) {
    rig<Backend> r;
    const auto nobody = deserted(r, family);
    endpoint& refused = r.dial(nobody.view());
    r.retire(refused);
    endpoint& listener = r.listen(family);
    endpoint& accepted = r.dial(r.name_of(listener).view());
    r.retire(accepted);
    BOOST_TEST(r.until([&] { return refused.times_retired + accepted.times_retired == 2; }));
    BOOST_TEST(refused.outcomes.empty());
    BOOST_TEST(accepted.outcomes.empty());
    for (const int fd : listener.accepted_fds) r.machine->close_socket(fd);
  }
}

BOOST_AUTO_TEST_SUITE_END()
