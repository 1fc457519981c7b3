// SPDX-License-Identifier: Apache-2.0
// Adopting sockets that the test made: what fits becomes a connection, what doesn't is closed, with its error.
#include <shoal/net/detach.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

using shoal::connection;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;

namespace {

std::array<int, 2> socket_pair(int type) {
  std::array<int, 2> made{};
  BOOST_REQUIRE(::socketpair(AF_UNIX, type, 0, made.data()) == 0);
  return made;
}

/// On the shard: adopts with an echo behind it; the error, if any.
std::error_code adopt_echo(int fd) {
  auto profile = shoal::make_profile();
  profile->hooks.on_request = [](connection& c) {
    static_cast<void>(c.output().append(c.input().take_all()));
    c.flush();
  };
  auto adopted = shoal::adopt(shoal::shard::current(), fd, std::move(profile));
  if (!adopted) return adopted.error();
  adopted->release();
  return {};
}

bool is_closed(int fd) { return ::fcntl(fd, F_GETFD) < 0 && errno == EBADF; }

}  // namespace

BOOST_AUTO_TEST_SUITE(adopting)

BOOST_AUTO_TEST_CASE(a_blocking_socket_becomes_a_connection) {
  net_rig rig{wire::plain};
  rig.start();
  const auto [ours, theirs] = socket_pair(SOCK_STREAM);
  BOOST_TEST(::write(theirs, "early ", 6) == 6);
  peer other{theirs, wire::plain};
  BOOST_TEST(!rig.on_shard([fd = ours] { return adopt_echo(fd); }));
  BOOST_TEST(other.send("late"));
  BOOST_TEST(other.receive(10) == "early late");
  BOOST_TEST((::fcntl(ours, F_GETFL) & O_NONBLOCK) != 0);
  BOOST_TEST((::fcntl(ours, F_GETFD) & FD_CLOEXEC) != 0);
  other.finish_writing();
  BOOST_TEST(other.wait_for_end() == 0);
}

BOOST_AUTO_TEST_CASE(what_is_no_connected_stream_is_refused_and_closed) {
  net_rig rig{wire::plain};
  rig.start();
  const auto refused = [&](int fd) { return rig.on_shard([fd] { return adopt_echo(fd); }); };

  const auto [datagram, other] = socket_pair(SOCK_DGRAM);
  BOOST_TEST((refused(datagram) == shoal::errc::invalid_argument));
  BOOST_TEST(is_closed(datagram));
  ::close(other);

  const int unconnected = ::socket(AF_INET, SOCK_STREAM, 0);
  BOOST_TEST((refused(unconnected) == std::errc::not_connected));
  BOOST_TEST(is_closed(unconnected));

  const int file = ::open("/dev/null", O_RDONLY);
  BOOST_TEST((refused(file) == std::errc::not_a_socket));
  BOOST_TEST(is_closed(file));
}

BOOST_AUTO_TEST_SUITE_END()
