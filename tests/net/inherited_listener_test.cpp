// SPDX-License-Identifier: Apache-2.0
// Servers on sockets that somebody else opened: "fd://3", and systemd's names.
#include <shoal/net/server.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

using shoal::address;
using shoal::connection;
using shoal::errc;
using shoal::server;
using shoal::server_options;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;

namespace {

/// As a parent leaves it: blocking, not close-on-exec. Closed by the server that gets it.
int listening_socket(bool reuse_port = false, std::uint16_t port = 0) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = reuse_port ? 1 : 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  BOOST_REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0);
  BOOST_REQUIRE(::listen(fd, 64) == 0);
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_in name{};
  socklen_t size = sizeof(name);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  return ntohs(name.sin_port);
}

std::string url_of(int fd) { return "fd://" + std::to_string(fd); }

std::function<void(server_options&)> bound_to(std::vector<std::string> where) {
  return [where](server_options& o) { o.bind = where; };
}

void say_shard(connection& c) {
  static_cast<void>(c.input().take_all());
  static_cast<void>(c.output().write_string(std::to_string(shoal::shard::current().id())));
  c.flush();
}

/// What a server on these says when it is started.
std::string start_failure_of(std::vector<std::string> where) {
  shoal::runtime_options options;
  options.shards.shards = 1;
  shoal::runtime runtime{options};
  server_options described;
  described.bind = std::move(where);
  described.name = "front";
  const server refused{runtime, described};
  const auto started = runtime.start();
  return started ? "started" : started.error().what + ": " + started.error().error.message();
}

/// systemd's variables, for this process.
class activation {
 public:
  activation(const std::string& count, const std::string& names) {
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", count.c_str(), 1);
    ::setenv("LISTEN_FDNAMES", names.c_str(), 1);
  }
  activation(const activation&) = delete;
  activation& operator=(const activation&) = delete;
  ~activation() {
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(inherited_listener)

BOOST_AUTO_TEST_CASE(one_socket_serves_every_shard) {
  const int fd = listening_socket();
  net_rig rig{wire::plain, 2, bound_to({url_of(fd)})};
  rig.server().on_request(say_shard);
  rig.start();
  BOOST_TEST(rig.where().port() == port_of(fd));
  BOOST_TEST((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  std::string answers;
  for (int i = 0; i < 4; ++i) {
    peer client = rig.connect();
    BOOST_TEST(client.send("?"));
    answers += client.receive(1);
  }
  BOOST_TEST(answers.size() == 4U);
  BOOST_TEST(answers.find('0') != std::string::npos);
  BOOST_TEST(answers.find('1') != std::string::npos);
  rig.stop();
  BOOST_TEST(::fcntl(fd, F_GETFD) == -1);
}

BOOST_AUTO_TEST_CASE(a_group_of_more_sockets_than_shards_is_served_whole) {
  const int first = listening_socket(true);
  std::vector<std::string> group{url_of(first)};
  for (int i = 1; i < 5; ++i) group.push_back(url_of(listening_socket(true, port_of(first))));
  net_rig rig{wire::plain, 2, bound_to(group)};
  rig.server().on_request(say_shard);
  rig.start();
  for (int i = 0; i < 60; ++i) {  // the kernel spreads them over all five
    peer client = rig.connect();
    BOOST_TEST(client.send("?"));
    BOOST_TEST(client.receive(1).size() == 1U);
  }
  rig.stop();
  const auto& served = rig.server().served_by_shard();
  BOOST_TEST(served[0] + served[1] == 60U);
  BOOST_TEST(served[0] != 0U);
  BOOST_TEST(served[1] != 0U);
}

BOOST_AUTO_TEST_CASE(an_inherited_unix_socket_keeps_its_file) {
  const std::string path = "inherited_listener_test." + std::to_string(::getpid()) + ".sock";
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), path.size());
  BOOST_REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0);
  BOOST_REQUIRE(::listen(fd, 4) == 0);
  net_rig rig{wire::plain, 2, bound_to({url_of(fd)})};
  rig.server().on_request(say_shard);
  rig.start();
  peer client{rig.where(), wire::plain};
  BOOST_TEST(client.send("?"));
  BOOST_TEST(client.receive(1).size() == 1U);
  rig.stop();
  BOOST_TEST(std::filesystem::exists(path));  // whoever made it serves it again
  ::unlink(path.c_str());
}

BOOST_AUTO_TEST_CASE(what_does_not_listen_or_is_not_there_fails_the_start_by_name) {
  BOOST_TEST(
      start_failure_of({"fd://900"}).starts_with("listener front: fd://900 (not a stream socket that listens): "));
  const int idle = ::socket(AF_INET, SOCK_STREAM, 0);
  BOOST_TEST(start_failure_of({url_of(idle)}) ==
             "listener front: " + url_of(idle) + " (not a stream socket that listens): invalid argument");
  ::close(idle);
  BOOST_TEST(start_failure_of({"fd://web"}) ==
             "listener front: fd://web (the parent process passed no socket of that number or name): invalid argument");
  const int fd = listening_socket();
  BOOST_TEST(start_failure_of({url_of(fd), url_of(fd)}) ==
             "listener front: " + url_of(fd) +
                 " (another listener has this descriptor): the address is in use by another process");
}

BOOST_AUTO_TEST_CASE(systemd_names_are_found) {
  // The protocol numbers them from 3 on; here those belong to others, so the last one of a long list is ours.
  const int fd = listening_socket();
  std::string names;
  for (int i = 3; i < fd; ++i) names += "other:";
  const activation variables{std::to_string(fd - 2), names + "web"};
  net_rig rig{wire::plain, 1, bound_to({"fd://web"})};
  rig.server().on_request(say_shard);
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("?"));
  BOOST_TEST(client.receive(1) == "0");
}

BOOST_AUTO_TEST_SUITE_END()
