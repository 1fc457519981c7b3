// SPDX-License-Identifier: Apache-2.0
// What is true of the epoll back end alone; poller_*_test.cpp hold what is true of all.
#include <shoal/core/poller/epoll_poller.hpp>

#include <tests/core/poller_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using shoal::errc;
using shoal::test::endpoint;
using shoal::test::epoll_backend;
using shoal::test::pattern;

namespace {

using rig = shoal::test::rig<epoll_backend>;

/// The other end of a socketpair, used by plain system calls.
class stranger {
 public:
  explicit stranger(rig& r) {
    std::array<int, 2> fds{};
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) == 0);
    fd_ = fds[0];
    ours_ = &r.attached(fds[1]);
  }
  stranger(const stranger&) = delete;
  stranger& operator=(const stranger&) = delete;
  ~stranger() { leave(); }

  [[nodiscard]] endpoint& ours() const { return *ours_; }
  void write(std::string_view bytes) const {
    BOOST_REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  [[nodiscard]] std::string read(std::size_t most) const {
    std::string bytes(most, '\0');
    const auto count = ::recv(fd_, bytes.data(), most, 0);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }
  void leave() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
  endpoint* ours_ = nullptr;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(epoll_poller_suite)

BOOST_AUTO_TEST_CASE(says_its_name_and_why) {
  const auto machine = shoal::make_real_host();
  const auto asked = machine->make_poller(shoal::poller_kind::epoll);
  BOOST_REQUIRE(asked.has_value());
  BOOST_TEST((*asked)->name() == "epoll");
  BOOST_TEST((*asked)->reason() == "as configured");
  const auto chosen = machine->make_poller(shoal::poller_kind::automatic);
  BOOST_REQUIRE(chosen.has_value());
  BOOST_TEST((*chosen)->reason().starts_with("auto: "));
}

BOOST_AUTO_TEST_CASE(a_short_read_costs_one_call_and_an_end_one_more) {
  rig r;
  stranger peer{r};
  endpoint& op = peer.ours();
  r.io->receive(op, true);
  r.steps(3);
  BOOST_TEST(r.io->counters().receives == 0U);  // nothing has happened, so nothing is tried
  peer.write("short");
  r.steps(5);
  BOOST_TEST(op.received == "short");
  BOOST_TEST(r.io->counters().receives == 1U);
  peer.leave();
  r.steps(5);
  BOOST_TEST(op.hang_ups.size() == 1U);
  BOOST_TEST(r.io->counters().receives == 2U);
}

BOOST_AUTO_TEST_CASE(bytes_and_end_in_one_event) {
  rig r;
  stranger peer{r};
  endpoint& op = peer.ours();
  r.io->receive(op, true);
  peer.write("all I have to say");
  peer.leave();
  r.steps(5);
  BOOST_TEST(op.received == "all I have to say");
  BOOST_REQUIRE(op.hang_ups.size() == 1U);
  BOOST_TEST((op.hang_ups.front() == errc::eof));
}

BOOST_AUTO_TEST_CASE(a_partial_write_goes_on_when_the_peer_reads) {
  rig r;
  stranger peer{r};
  endpoint& op = peer.ours();
  op.piece = 5'000;
  r.send(op, pattern(2'000'000));
  r.steps(100);
  BOOST_TEST(op.sent > 0U);
  BOOST_TEST(op.sent < op.output.size());
  const auto blocked = r.io->counters().sends_blocked;
  r.steps(20);
  BOOST_TEST(r.io->counters().sends_blocked == blocked);  // it does not try without need
  std::string seen;
  while (seen.size() < op.output.size()) {
    seen += peer.read(10'000);
    r.step();
  }
  BOOST_TEST((seen == op.output));
}

BOOST_AUTO_TEST_CASE(descriptors_that_cannot_be_watched_are_an_error) {
  rig r;
  endpoint nothing{-1};
  BOOST_TEST((r.io->attach(nothing) == std::errc::bad_file_descriptor));
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  endpoint plain_file{file};
  BOOST_TEST((r.io->attach(plain_file) == std::errc::operation_not_permitted));
  ::close(file);
  BOOST_TEST(r.io->attached() == 0U);
}

BOOST_AUTO_TEST_CASE(no_descriptor_for_itself_is_an_error) {
  const auto machine = shoal::make_real_host();
  const shoal::test::no_descriptors_left limit{*machine};
  const auto made = shoal::epoll_poller::make(*machine, "a test");
  BOOST_REQUIRE(!made.has_value());
  BOOST_TEST((made.error() == std::errc::too_many_files_open));
}

BOOST_AUTO_TEST_CASE(it_closes_what_it_opened) {
  const int before = ::dup(STDIN_FILENO);
  ::close(before);
  {
    const rig r;
  }
  const int after = ::dup(STDIN_FILENO);
  ::close(after);
  BOOST_TEST(before == after);
}

BOOST_AUTO_TEST_CASE(more_events_than_fit_one_wait) {
  rig r;
  std::vector<std::unique_ptr<stranger>> peers;
  for (int i = 0; i < 400; ++i) {
    peers.push_back(std::make_unique<stranger>(r));
    r.io->receive(peers.back()->ours(), true);
  }
  for (const auto& p : peers) p->write("x");
  BOOST_TEST(
      r.until([&] { return std::ranges::all_of(peers, [](const auto& p) { return p->ours().received == "x"; }); }));
}

BOOST_AUTO_TEST_SUITE_END()
