// SPDX-License-Identifier: Apache-2.0
// Connections of real sockets that are sent from shard to shard every millisecond while they echo. For a second; for as
// long as SHOAL_STORM_SECONDS says.
#include <shoal/net/connection_handle.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using shoal::connection;
using shoal::connection_handle;
using shoal::shard;
using shoal::shard_id;
using shoal::task;
using shoal::test::net_rig;
using shoal::test::pattern;
using shoal::test::peer;
using shoal::test::wire;

namespace {

constexpr unsigned shards = 3;
constexpr unsigned peers = 6;

std::chrono::duration<double> storm_length() {
  const char* text = std::getenv("SHOAL_STORM_SECONDS");
  return std::chrono::duration<double>{text == nullptr ? 1.0 : std::strtod(text, nullptr)};
}

void echo(connection& c) {
  if (c.output().append(c.input().take_all())) c.flush();
}

task<> echo_slowly(connection& c) {
  auto bytes = co_await c.reader().take_all();
  if (!bytes) co_return;
  if (c.output().append(std::move(*bytes))) static_cast<void>(co_await c.flush());
}

/// Sends texts of all sizes and compares what comes back; how many.
std::uint64_t converse(peer with, const std::atomic<bool>& over, std::uint64_t salt) {
  const std::string text = pattern(400'000);
  std::uint64_t rounds = 0;
  for (; !over; ++rounds) {
    const std::size_t size = 1 + (rounds * 7919 + salt * 104729) % (rounds % 16 == 0 ? text.size() : 3000);
    const std::string part = text.substr(rounds % 1000, size);
    if (!with.send(part) || with.receive(part.size()) != part) return 0;
  }
  return rounds;
}

void storm(wire on, shoal::handler handler) {
  net_rig rig{on, shards};
  std::mutex mutex;
  std::vector<connection_handle> names;
  rig.server().on_request(std::move(handler));
  rig.server().on_connect([&](connection& c) {
    const std::scoped_lock lock(mutex);
    names.push_back(c.handle());
  });
  rig.start();
  std::atomic<bool> over = false;
  std::vector<std::future<std::uint64_t>> talks;
  for (unsigned i = 0; i < peers; ++i) {
    talks.push_back(std::async(std::launch::async, converse, rig.connect(), std::cref(over), i));
  }
  const auto end = std::chrono::steady_clock::now() + storm_length();
  for (unsigned i = 0; std::chrono::steady_clock::now() < end; ++i) {
    const auto next = std::chrono::steady_clock::now() + std::chrono::milliseconds{1};
    {
      const std::scoped_lock lock(mutex);
      for (std::size_t n = 0; n < names.size(); ++n) {
        const auto to = static_cast<shard_id>((i + n) % shards);
        static_cast<void>(names[n].run([to](connection& c) { static_cast<void>(c.move_to(to)); }));
      }
    }
    std::this_thread::sleep_until(next);
  }
  over = true;
  std::uint64_t rounds = 0;
  for (auto& talk : talks) {
    const std::uint64_t some = talk.get();
    BOOST_TEST(some != 0U);
    rounds += some;
  }
  std::uint64_t moves = 0;
  for (shard_id s = 0; s < shards; ++s) {
    moves += rig.on_shard([] { return shard::current().local<shoal::connection_table>().counters().moved_in; }, s);
  }
  std::cout << rounds << " exchanges, " << moves << " moves" << std::endl;
  BOOST_TEST(moves > peers);
  rig.stop();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(move_storm)

SHOAL_WIRE_TEST(callbacks_lose_nothing) { storm(on, echo); }

SHOAL_WIRE_TEST(coroutines_lose_nothing) { storm(on, echo_slowly); }

BOOST_AUTO_TEST_SUITE_END()
