// SPDX-License-Identifier: Apache-2.0
// A server that is warm takes nothing from the heap: every block, node and frame of a request comes from the shard's
// slab and goes back there. SHOAL_ROUND_TRIPS sets how many are made (CI: 100,000).
#include <tests/net/counted_malloc.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <new>
#include <vector>

using shoal::connection;
using shoal::shard;
using shoal::task;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;

namespace {

constexpr std::size_t clients = 64;
constexpr std::size_t message = 1024;

std::uint64_t round_trips() {
  const char* const asked = std::getenv("SHOAL_ROUND_TRIPS");
  std::uint64_t count = 100'000;
  if (asked != nullptr) std::from_chars(asked, asked + std::strlen(asked), count);
  return count;
}

void plain(connection& c) {
  static_cast<void>(c.output().append(c.input().take_all()));
  c.flush();
}

task<> per_message(connection& c) {
  auto bytes = co_await c.reader().slice(message);
  if (!bytes) co_return;
  static_cast<void>(c.output().append(std::move(*bytes)));
  static_cast<void>(co_await c.flush());
}

task<> session(connection& c) {
  for (;;) {
    auto bytes = co_await c.reader().slice(message);
    if (!bytes) co_return;
    static_cast<void>(c.output().append(std::move(*bytes)));
    c.reader().release();
    if (const auto flushed = co_await c.flush(); !flushed) co_return;
  }
}

/// Each client once; nothing here allocates.
bool trip(const std::vector<peer>& all, const std::array<char, message>& sent) {
  for (const peer& one : all) {
    if (::send(one.fd(), sent.data(), sent.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(sent.size())) return false;
  }
  std::array<char, message> got;
  for (const peer& one : all) {
    if (::recv(one.fd(), got.data(), got.size(), MSG_WAITALL) != static_cast<ssize_t>(got.size())) return false;
    if (got != sent) return false;
  }
  return true;
}

void takes_nothing_from_the_heap(const std::function<void(shoal::server&)>& describe) {
  net_rig rig{wire::plain};
  describe(rig.server());
  rig.start();
  std::vector<peer> all;
  for (std::size_t i = 0; i < clients; ++i) {
    all.push_back(rig.connect());
    ::fcntl(all.back().fd(), F_SETFL, 0);  // blocking: it is all that the test does meanwhile
  }
  std::array<char, message> sent;
  for (std::size_t i = 0; i < message; ++i) sent[i] = static_cast<char>('a' + i % 26);
  for (int i = 0; i < 50; ++i) BOOST_REQUIRE(trip(all, sent));

  const auto slab_now = [&rig] { return rig.on_shard([] { return shard::current().memory().counters(); }); };
  const auto before = slab_now();
  const std::uint64_t rounds = round_trips() / clients;
  bool right = true;
  shoal::test::start_counting_allocations();
  for (std::uint64_t i = 0; i < rounds && right; ++i) right = trip(all, sent);
  const std::uint64_t allocations = shoal::test::stop_counting_allocations();
  const auto after = slab_now();
  BOOST_TEST(right);
  BOOST_TEST(allocations == 0U);
  BOOST_TEST(after.bytes_held == before.bytes_held);
  BOOST_TEST(after.bytes_copied == before.bytes_copied);
  std::cout << rounds * clients << " round trips: " << allocations
            << " allocations from the heap; slab: " << before.nodes_in_use << " -> " << after.nodes_in_use
            << " nodes in use, " << before.node_pages << " -> " << after.node_pages << " pages of nodes, "
            << before.bytes_held / 1024 << " -> " << after.bytes_held / 1024 << " KiB held" << std::endl;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(steady_state)

BOOST_AUTO_TEST_CASE(malloc_is_counted) {
  shoal::test::start_counting_allocations();
  static void* volatile one;
  one = ::operator new(100);
  ::operator delete(one);
  static void* volatile two;
  two = std::calloc(10, 10);
  std::free(two);
  static void* volatile three;  // volatile: or the compiler does without both
  three = std::malloc(100);
  std::free(three);
  BOOST_TEST(shoal::test::stop_counting_allocations() == 3U);
}

BOOST_AUTO_TEST_CASE(a_plain_handler) {
  takes_nothing_from_the_heap([](shoal::server& s) { s.on_request(plain); });
}

BOOST_AUTO_TEST_CASE(a_coroutine_per_message) {
  takes_nothing_from_the_heap([](shoal::server& s) { s.on_request(per_message); });
}

BOOST_AUTO_TEST_CASE(a_session_loop) {
  takes_nothing_from_the_heap([](shoal::server& s) { s.on_connect(session); });
}

BOOST_AUTO_TEST_SUITE_END()
