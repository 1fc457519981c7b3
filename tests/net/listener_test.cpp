// SPDX-License-Identifier: Apache-2.0
// Running out of descriptors: accepting rests and is tried again, every time.
#include <shoal/net/listener.hpp>

#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

using shoal::connection;
using shoal::shard;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;

namespace {

/// While it lives this process may open a few descriptors more. To be set before the listener starts: io_uring reads
/// the limit when the accept is submitted.
class few_descriptors {
 public:
  few_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest_free = ::dup(STDIN_FILENO);
    ::close(lowest_free);
    const rlimit few{.rlim_cur = static_cast<rlim_t>(lowest_free) + 100, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;
  ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// Takes all of those.
class no_descriptors {
 public:
  no_descriptors() {
    for (int fd = ::dup(STDIN_FILENO); fd >= 0; fd = ::dup(STDIN_FILENO)) taken_.push_back(fd);
  }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;
  ~no_descriptors() {
    for (const int fd : taken_) ::close(fd);
  }

 private:
  std::vector<int> taken_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(listener_suite)

BOOST_AUTO_TEST_CASE(accepting_recovers_from_every_shortage_of_descriptors) {
  const few_descriptors limit;
  net_rig rig{wire::plain};
  rig.server().on_request([](connection& c) {
    static_cast<void>(c.output().append(c.input().take_all()));
    c.flush();
  });
  rig.start();
  for (unsigned episode = 1; episode <= 3; ++episode) {
    // Made beforehand: it cannot be made during the shortage.
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto errors = rig.on_shard([] { return shard::current().io().counters().accept_errors; });
    {
      const no_descriptors shortage;
      const auto name = rig.where().view();
      BOOST_REQUIRE(::connect(fd, name.data, name.size) == 0);
      // Twice: the first retry fails as well.
      BOOST_TEST(rig.until([errors] { return shard::current().io().counters().accept_errors >= errors + 2; }));
    }
    peer client{fd, wire::plain};
    BOOST_TEST(client.send("at last"));
    BOOST_TEST(client.receive(7) == "at last");
    client.close();
    // Or its descriptor, freed during the next shortage, would end that.
    BOOST_TEST(rig.until([] { return net_rig::open_here() == 0; }));
  }
  BOOST_TEST(rig.logged().find("accept: Too many open files") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
