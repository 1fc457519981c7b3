// SPDX-License-Identifier: Apache-2.0
// Options of TCP sockets, as the kernel sees them: on listeners for all they accept, on dials, and later.
#include <shoal/net/dialer.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <string>

using shoal::connection;
using shoal::tcp_options;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;
using namespace std::chrono_literals;

namespace {

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  ::getsockopt(fd, level, name, &value, &size);
  return value;
}

std::string congestion_control(int fd) {
  std::array<char, 16> name{};
  socklen_t size = name.size();
  ::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), &size);
  return name.data();
}

tcp_options all_of_them() {
  tcp_options options;
  options.nodelay = false;
  options.keepalive = shoal::keepalive_options{.idle = 30s, .interval = 7s, .count = 3};
  options.linger = 5s;
  options.receive_buffer_bytes = 64 << 10;
  options.send_buffer_bytes = 32 << 10;
  options.user_timeout = 12'345ms;
  options.congestion_control = "reno";
  return options;
}

void check_all_of_them(int fd) {
  BOOST_TEST(option(fd, IPPROTO_TCP, TCP_NODELAY) == 0);
  BOOST_TEST(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
  BOOST_TEST(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 30);
  BOOST_TEST(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 7);
  BOOST_TEST(option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 3);
  linger lasts{};
  socklen_t size = sizeof(lasts);
  ::getsockopt(fd, SOL_SOCKET, SO_LINGER, &lasts, &size);
  BOOST_TEST(lasts.l_onoff == 1);
  BOOST_TEST(lasts.l_linger == 5);
  BOOST_TEST(option(fd, SOL_SOCKET, SO_RCVBUF) == 2 * (64 << 10));  // the kernel counts its own part too
  BOOST_TEST(option(fd, SOL_SOCKET, SO_SNDBUF) == 2 * (32 << 10));
  BOOST_TEST(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 12'345);
  BOOST_TEST(congestion_control(fd) == "reno");
}

/// The descriptor of the one connection that a fresh peer makes.
int accepted_by(net_rig& rig) {
  BOOST_REQUIRE(rig.until([] { return net_rig::open_here() == 1; }));
  return rig.with_connection([](connection& c) { return c.fd(); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tcp_options_suite)

BOOST_AUTO_TEST_CASE(accepted_and_dialled_ones_do_not_delay_unless_told) {
  net_rig rig{wire::plain};
  rig.start();
  const peer client = rig.connect();
  const int fd = accepted_by(rig);
  BOOST_TEST(option(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
  BOOST_TEST(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
}

BOOST_AUTO_TEST_CASE(what_a_listener_is_told_holds_for_what_it_accepts) {
  net_rig rig{wire::plain, 1, [](shoal::server_options& o) { o.tcp = all_of_them(); }};
  rig.start();
  const peer client = rig.connect();
  check_all_of_them(accepted_by(rig));
}

BOOST_AUTO_TEST_CASE(a_dial_sets_them_too) {
  net_rig rig{wire::plain};
  rig.start();
  const int fd = rig.run_task([where = rig.where()]() -> shoal::task<int> {
    shoal::dialer dialer{shoal::shard::current(), shoal::make_profile()};
    shoal::dial_options options;
    options.tcp = all_of_them();
    auto dialled = co_await dialer.dial(where, options);
    if (!dialled) co_return -1;
    co_return dialled->release().fd();
  });
  BOOST_REQUIRE(fd >= 0);
  check_all_of_them(fd);
}

BOOST_AUTO_TEST_CASE(they_can_be_set_later_and_a_refusal_says_why) {
  net_rig rig{wire::plain};
  rig.start();
  const peer client = rig.connect();
  const int fd = accepted_by(rig);
  BOOST_TEST(!rig.with_connection([](connection& c) {
    tcp_options later;
    later.keepalive = shoal::keepalive_options{.idle = 11s, .interval = 2s, .count = 4};
    later.user_timeout = 5s;
    return c.set_tcp_options(later);
  }));
  BOOST_TEST(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 11);
  BOOST_TEST(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 5000);
  const auto refused = rig.with_connection([](connection& c) {
    tcp_options unknown;
    unknown.congestion_control = "no-such-thing";
    return c.set_tcp_options(unknown);
  });
  BOOST_TEST((refused == std::errc::no_such_file_or_directory));
}

BOOST_AUTO_TEST_SUITE_END()
