// SPDX-License-Identifier: Apache-2.0
// Conformance of the pollers: accepting.
#include <shoal/core/poller/poller.hpp>
#include <tests/core/poller_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>

#include <set>
#include <vector>

using shoal::accept_budget;
using shoal::test::endpoint;
using shoal::test::rig;

namespace {

/// Connections that are established and wait to be accepted.
template <class Backend>
std::vector<endpoint*> waiting(rig<Backend>& r, endpoint& listener, int count) {
  const auto name = r.name_of(listener);
  std::vector<endpoint*> dialled;
  for (int i = 0; i < count; ++i) dialled.push_back(&r.dial(name.view()));
  return dialled;
}

bool all_connected(const std::vector<endpoint*>& dialled) {
  return std::ranges::all_of(dialled, [](const endpoint* op) { return op->outcomes.size() == 1; });
}

template <class Backend>
void close_all(rig<Backend>& r, endpoint& listener) {
  for (const int fd : listener.accepted_fds) r.machine->close_socket(fd);
  listener.accepted_fds.clear();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(poller_accept_suite)

SHOAL_POLLER_TEST(descriptors_do_not_block_and_do_not_leak_into_children) {
  for (const int family : {AF_INET, AF_UNIX}) {
    rig<Backend> r;
    endpoint& listener = r.listen(family);
    const auto dialled = waiting(r, listener, 3);
    BOOST_REQUIRE(r.until([&] { return listener.accepted_fds.size() == 3; }));
    for (const int fd : listener.accepted_fds) {
      if (!Backend::kernel_sockets) continue;
      BOOST_TEST((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
      BOOST_TEST((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
    for (const auto& peer : listener.peers) BOOST_TEST(peer.view().family() == family);
    BOOST_TEST(r.io->counters().accepts == 3U);
    close_all(r, listener);
  }
}

SHOAL_POLLER_TEST(the_peer_is_who_dialled) {
  rig<Backend> r;
  endpoint& listener = r.listen(AF_INET);
  const auto dialled = waiting(r, listener, 5);
  BOOST_REQUIRE(r.until([&] { return listener.peers.size() == 5; }));
  const auto port_of = [](const shoal::socket_name& name) {
    return reinterpret_cast<const sockaddr_in*>(&name.storage)->sin_port;
  };
  std::set<in_port_t> reported;
  std::set<in_port_t> real;
  for (const auto& peer : listener.peers) reported.insert(port_of(peer));
  for (const endpoint* op : dialled) real.insert(port_of(r.name_of(*op)));
  BOOST_TEST(reported == real);
  close_all(r, listener);
}

SHOAL_POLLER_TEST(a_storm_is_taken_in_portions) {
  constexpr int count = 3 * accept_budget + 5;
  rig<Backend> r;
  endpoint& listener = r.listen(AF_INET);
  r.io->accept(listener, false);
  const auto dialled = waiting(r, listener, count);
  BOOST_REQUIRE(r.until([&] { return all_connected(dialled); }));
  BOOST_TEST(listener.accepted_fds.empty());
  r.io->accept(listener, true);
  int polls = 0;
  for (std::size_t before = 0; before < count; before = listener.accepted_fds.size()) {
    r.step();
    ++polls;
    const std::size_t taken = listener.accepted_fds.size() - before;
    BOOST_REQUIRE(taken <= static_cast<std::size_t>(accept_budget));
    BOOST_REQUIRE(polls < 100);
  }
  close_all(r, listener);
}

SHOAL_POLLER_TEST(stopping_inside_the_report_stops_at_once_and_loses_nobody) {
  rig<Backend> r;
  endpoint& listener = r.listen(AF_INET);
  r.io->accept(listener, false);
  const auto dialled = waiting(r, listener, 10);
  BOOST_REQUIRE(r.until([&] { return all_connected(dialled); }));
  listener.on_accepted = [&] { r.io->accept(listener, false); };
  for (std::size_t expected = 1; expected <= 10; ++expected) {
    r.io->accept(listener, true);
    BOOST_REQUIRE(r.until([&] { return listener.accepted_fds.size() >= expected; }));
    r.steps(3);
    BOOST_REQUIRE(listener.accepted_fds.size() == expected);
  }
  close_all(r, listener);
}

SHOAL_POLLER_TEST(out_of_descriptors_twice_in_a_row) {
  rig<Backend> r;
  endpoint& listener = r.listen(AF_INET);
  r.io->accept(listener, false);
  const auto dialled = waiting(r, listener, 2);
  BOOST_REQUIRE(r.until([&] { return all_connected(dialled); }));
  {
    const typename Backend::out_of_descriptors limit{*r.machine};
    for (std::size_t episode = 1; episode <= 2; ++episode) {
      r.io->accept(listener, true);
      BOOST_REQUIRE(r.until([&] { return listener.accept_errors.size() >= episode; }));
      r.steps(10);  // off until asked for again: no storm of errors
      BOOST_TEST(listener.accept_errors.size() == episode);
      BOOST_TEST((listener.accept_errors.back() == std::errc::too_many_files_open));
    }
  }
  r.io->accept(listener, true);
  BOOST_TEST(r.until([&] { return listener.accepted_fds.size() == 2; }));
  BOOST_TEST(r.io->counters().accept_errors == 2U);
  // It is as good as before.
  const auto more = waiting(r, listener, 3);
  BOOST_TEST(r.until([&] { return listener.accepted_fds.size() == 5; }));
  close_all(r, listener);
}

SHOAL_POLLER_TEST(a_peer_that_has_gone_again_does_not_end_the_accepting) {
  rig<Backend> r;
  endpoint& listener = r.listen(AF_INET);
  r.io->accept(listener, false);
  const auto dialled = waiting(r, listener, 3);
  BOOST_REQUIRE(r.until([&] { return all_connected(dialled); }));
  r.machine->abort_socket(dialled[0]->fd());
  r.machine->abort_socket(dialled[1]->fd());
  r.io->accept(listener, true);
  const auto peer = [&](const endpoint* op) { return r.machine->peer_name(op->fd()).has_value(); };
  BOOST_TEST(peer(dialled[2]));
  BOOST_TEST(r.until([&] { return !listener.accepted_fds.empty(); }));
  const auto more = waiting(r, listener, 1);
  const auto before = listener.accepted_fds.size();
  BOOST_TEST(r.until([&] { return listener.accepted_fds.size() > before; }));
  BOOST_TEST(listener.accept_errors.empty());
  close_all(r, listener);
}

SHOAL_POLLER_TEST(retired_inside_the_report) {
  rig<Backend> r;
  endpoint& listener = r.listen(AF_INET);
  r.io->accept(listener, false);
  const auto dialled = waiting(r, listener, 10);
  BOOST_REQUIRE(r.until([&] { return all_connected(dialled); }));
  listener.on_accepted = [&] {
    if (!listener.retiring) r.retire(listener);
  };
  r.io->accept(listener, true);
  BOOST_TEST(r.until([&] { return listener.times_retired == 1; }));
  BOOST_TEST(listener.accepted_fds.size() == 1U);
  close_all(r, listener);
}

BOOST_AUTO_TEST_SUITE_END()
