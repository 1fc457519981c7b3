// SPDX-License-Identifier: Apache-2.0
// Conformance of the pollers: watching descriptors that somebody else reads and writes.
#include <shoal/core/fd_watch.hpp>
#include <shoal/core/poller/poller.hpp>
#include <tests/core/poller_rig.hpp>
#include <tests/skip.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>

using shoal::test::rig;
using namespace std::chrono_literals;

namespace {

/// Somebody else's descriptor, and what was told of it.
class watcher final : public shoal::fd_watch {
 public:
  explicit watcher(int fd) { set_fd(fd); }
  void ready(bool readable, bool writable) override {
    reads += readable ? 1 : 0;
    writes += writable ? 1 : 0;
    if (then) then();
  }
  int reads = 0;
  int writes = 0;
  std::function<void()> then;
};

/// A pair of sockets of the test's own.
class two_sockets {
 public:
  two_sockets() {
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_.data()) == 0);
  }
  two_sockets(const two_sockets&) = delete;
  two_sockets& operator=(const two_sockets&) = delete;
  ~two_sockets() {
    for (const int fd : ends_) ::close(fd);
  }
  [[nodiscard]] int here() const { return ends_[0]; }
  void say(const char* text) const { BOOST_REQUIRE(::send(ends_[1], text, 1, MSG_NOSIGNAL) == 1); }
  void hear() const {
    char byte = 0;
    BOOST_REQUIRE(::recv(ends_[0], &byte, 1, 0) == 1);
  }
  void fill() const {
    const std::array<char, 4096> block{};
    while (::send(ends_[0], block.data(), block.size(), MSG_NOSIGNAL) > 0) {
    }
  }
  void drain() const {
    std::array<char, 65536> block{};
    while (::recv(ends_[1], block.data(), block.size(), 0) > 0) {
    }
  }
  void hang_up() const { ::shutdown(ends_[1], SHUT_RDWR); }

 private:
  std::array<int, 2> ends_{-1, -1};
};

template <class Backend>
bool watches(rig<Backend>& r, shoal::fd_watch& w, bool readable, bool writable) {
  const auto error = r.io->watch(w, readable, writable);
  BOOST_TEST(!error, error.message());
  return !error;
}

/// Some polls, and time for what must not come.
template <class Backend>
void pass(rig<Backend>& r) {
  for (int i = 0; i < 10; ++i) r.sleep(1ms);
}

}  // namespace

/// Simulated hosts have no descriptors of the kernel's.
#define SHOAL_ONLY_KERNEL_SOCKETS() \
  if constexpr (!Backend::kernel_sockets) SHOAL_SKIP("a simulation has no descriptors of others")

BOOST_AUTO_TEST_SUITE(poller_watch_suite)

SHOAL_POLLER_TEST(a_simulation_says_no) {
  if constexpr (Backend::kernel_sockets) SHOAL_SKIP("it has descriptors of others");
  rig<Backend> r;
  watcher w{0};
  BOOST_TEST((r.io->watch(w, true, false) == shoal::errc::not_supported));
  BOOST_TEST(!w.is_watched());
  r.io->unwatch(w);
}

SHOAL_POLLER_TEST(tells_again_until_it_is_read) {
  SHOAL_ONLY_KERNEL_SOCKETS();
  rig<Backend> r;
  const two_sockets pair;
  watcher w{pair.here()};
  BOOST_REQUIRE(watches(r, w, true, false));
  pass(r);
  BOOST_TEST(w.reads == 0);
  pair.say("x");
  BOOST_TEST(r.until([&] { return w.reads >= 3; }));  // nobody reads
  w.then = [&] {
    pair.hear();
    w.then = nullptr;
  };
  BOOST_TEST(r.until([&] { return !w.then; }));
  const int before = w.reads;
  pass(r);
  BOOST_TEST(w.reads == before);
  pair.say("y");
  BOOST_TEST(r.until([&] { return w.reads > before; }));
  BOOST_TEST(w.writes == 0);
  r.io->unwatch(w);
}

SHOAL_POLLER_TEST(tells_of_room_to_write) {
  SHOAL_ONLY_KERNEL_SOCKETS();
  rig<Backend> r;
  const two_sockets pair;
  pair.fill();
  watcher w{pair.here()};
  BOOST_REQUIRE(watches(r, w, true, true));
  pass(r);
  BOOST_TEST(w.writes == 0);
  pair.drain();
  BOOST_TEST(r.until([&] { return w.writes > 0; }));
  BOOST_TEST(w.reads == 0);
  r.io->unwatch(w);
}

SHOAL_POLLER_TEST(what_is_wanted_may_change_also_inside_the_report) {
  SHOAL_ONLY_KERNEL_SOCKETS();
  rig<Backend> r;
  const two_sockets pair;
  pair.say("x");
  watcher w{pair.here()};
  BOOST_REQUIRE(watches(r, w, true, false));
  w.then = [&] { watches(r, w, false, true); };
  BOOST_TEST(r.until([&] { return w.writes > 0; }));
  w.then = nullptr;
  const int reads = w.reads;
  pass(r);
  BOOST_TEST(w.reads == reads);
  watches(r, w, true, false);
  pass(r);
  const int writes = w.writes;
  BOOST_TEST(w.reads > reads);
  pass(r);
  BOOST_TEST(w.writes == writes);
  r.io->unwatch(w);
}

SHOAL_POLLER_TEST(a_hang_up_is_whatever_is_wanted) {
  SHOAL_ONLY_KERNEL_SOCKETS();
  for (const bool readable : {true, false}) {
    rig<Backend> r;
    const two_sockets pair;
    if (!readable) pair.fill();
    watcher w{pair.here()};
    BOOST_REQUIRE(watches(r, w, readable, !readable));
    pass(r);
    pair.hang_up();
    BOOST_TEST(r.until([&] { return (readable ? w.reads : w.writes) > 0; }));
    BOOST_TEST((readable ? w.writes : w.reads) == 0);
    r.io->unwatch(w);
  }
}

SHOAL_POLLER_TEST(who_is_unwatched_hears_nothing_more_not_even_of_this_batch) {
  SHOAL_ONLY_KERNEL_SOCKETS();
  for (int round = 0; round < 50; ++round) {
    rig<Backend> r;
    const two_sockets one;
    const two_sockets two;
    auto first = std::make_unique<watcher>(one.here());
    auto second = std::make_unique<watcher>(two.here());
    BOOST_REQUIRE(watches(r, *first, true, false));
    BOOST_REQUIRE(watches(r, *second, true, false));
    r.step();
    int told = 0;
    const auto end_both = [&] {
      ++told;
      // The one that is on the stack lives until the test ends, the other goes at once.
      r.io->unwatch(*first);
      r.io->unwatch(*second);
    };
    first->then = [&, end_both] {
      end_both();
      second.reset();
    };
    second->then = [&, end_both] {
      end_both();
      first.reset();
    };
    one.say("x");
    two.say("x");
    BOOST_TEST(r.until([&] { return told > 0; }));
    pass(r);
    BOOST_TEST(told == 1);
    BOOST_TEST(r.io->attached() == 0U);
  }
}

SHOAL_POLLER_TEST(an_event_of_this_batch_does_not_reach_who_came_after_it) {
  SHOAL_ONLY_KERNEL_SOCKETS();
  for (int round = 0; round < 20; ++round) {
    rig<Backend> r;
    const two_sockets one;
    const two_sockets two;
    const two_sockets quiet;
    watcher first{one.here()};
    watcher second{two.here()};
    watcher late{quiet.here()};
    BOOST_REQUIRE(watches(r, first, true, false));
    BOOST_REQUIRE(watches(r, second, true, false));
    r.step();
    const auto replace = [&](watcher& other) {
      if (!other.is_watched()) return;
      r.io->unwatch(other);
      watches(r, late, true, false);
    };
    first.then = [&] { replace(second); };
    second.then = [&] { replace(first); };
    one.say("x");
    two.say("x");
    BOOST_TEST(r.until([&] { return late.is_watched(); }));
    pass(r);
    BOOST_TEST(late.reads == 0);
    for (watcher* w : {&first, &second, &late}) r.io->unwatch(*w);
  }
}

SHOAL_POLLER_TEST(a_number_that_is_used_again_belongs_to_the_new_watch) {
  SHOAL_ONLY_KERNEL_SOCKETS();
  rig<Backend> r;
  auto pair = std::make_unique<two_sockets>();
  const int number = pair->here();
  watcher old{number};
  BOOST_REQUIRE(watches(r, old, true, false));
  r.step();
  pair->say("for the old one");
  r.io->unwatch(old);
  pair.reset();
  const two_sockets next;
  BOOST_REQUIRE(next.here() == number);
  watcher fresh{number};
  BOOST_REQUIRE(watches(r, fresh, true, false));
  pass(r);
  BOOST_TEST(old.reads == 0);
  BOOST_TEST(fresh.reads == 0);
  next.say("for the new one");
  BOOST_TEST(r.until([&] { return fresh.reads > 0; }));
  r.io->unwatch(fresh);
}

SHOAL_POLLER_TEST(one_that_was_never_polled_for_goes_without_trace) {
  SHOAL_ONLY_KERNEL_SOCKETS();
  rig<Backend> r;
  const two_sockets pair;
  pair.say("x");
  {
    watcher w{pair.here()};
    BOOST_REQUIRE(watches(r, w, true, true));
    BOOST_TEST(r.io->attached() == 1U);
    r.io->unwatch(w);
    r.io->unwatch(w);  // harmless
    BOOST_TEST(w.reads == 0);
  }
  pass(r);
  BOOST_TEST(r.io->attached() == 0U);
}

SHOAL_POLLER_TEST(nobody_waits_for_ever_for_one_to_go) {
  SHOAL_ONLY_KERNEL_SOCKETS();
  rig<Backend> r;
  const two_sockets pair;
  watcher w{pair.here()};
  BOOST_REQUIRE(watches(r, w, true, false));
  r.step();
  r.io->unwatch(w);
  const auto start = r.machine->now();
  while (r.io->attached() != 0 && r.machine->now() - start < 20s) r.io->poll(start + 30s, r.sleeper);
  // Inside its report nothing of it is under way: it is gone at once.
  BOOST_REQUIRE(watches(r, w, true, false));
  w.then = [&] { r.io->unwatch(w); };
  pair.say("x");
  BOOST_TEST(r.until([&] { return w.reads != 0; }));
  BOOST_TEST(r.io->attached() == 0U);
  BOOST_TEST((r.machine->now() - start < 10s));
}

SHOAL_POLLER_TEST(it_ends_a_sleep_and_idle_ones_do_not_keep_awake) {
  SHOAL_ONLY_KERNEL_SOCKETS();
  rig<Backend> r;
  const two_sockets pair;
  watcher w{pair.here()};
  BOOST_REQUIRE(watches(r, w, true, false));
  int polls = 0;
  for (const auto end = r.machine->now() + 100ms; r.machine->now() < end; ++polls) r.io->poll(end, r.sleeper);
  BOOST_TEST(polls < 10);
  pair.say("x");
  const auto start = r.machine->now();
  while (w.reads == 0 && r.machine->now() - start < 20s) r.io->poll(start + 30s, r.sleeper);
  BOOST_TEST((r.machine->now() - start < 10s));
  r.io->unwatch(w);
}

BOOST_AUTO_TEST_SUITE_END()
