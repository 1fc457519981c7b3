// SPDX-License-Identifier: Apache-2.0
// Pairs that move between shards: both ends together, and nothing of either stream is lost.
#include <shoal/net/connection_handle.hpp>
#include <shoal/net/dialer.hpp>
#include <shoal/net/relay.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <memory>
#include <string>

using shoal::connection;
using shoal::connection_handle;
using shoal::dialer;
using shoal::move_obstacle;
using shoal::relay;
using shoal::relay_summary;
using shoal::shard;
using shoal::shard_id;
using shoal::task;
using shoal::test::event_log;
using shoal::test::listening_peer;
using shoal::test::net_rig;
using shoal::test::pattern;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;

namespace {

constexpr unsigned shards = 3;

struct journey {
  event_log events;
  std::atomic<int> left = 0;
  std::atomic<int> arrived = 0;
  std::atomic<shard_id> lives_on = 0;
  shoal::connection_options outgoing;
};

struct watcher final : shoal::relay_watcher {
  explicit watcher(journey& where) noexcept : to(where) {}
  void on_ended(const relay_summary& end) override {
    to.events.add(std::to_string(end.from_first) + ',' + std::to_string(end.from_second) + ',' +
                  word_of(end.first_reason) + ',' + word_of(end.second_reason));
  }
  bool can_move() const noexcept override { return true; }
  void on_leave() noexcept override { ++to.left; }
  void on_arrive(shard& here) override {
    ++to.arrived;
    to.lives_on = here.id();
  }
  shoal::profile_ptr profile_on(shard&) override {
    auto made = shoal::make_profile();
    made->options = to.outgoing;
    return made;
  }
  journey& to;
};

/// A proxy whose pairs can move.
class moving_proxy {
 public:
  explicit moving_proxy(wire on, shoal::buffer_marks outgoing = {}) : rig_(on, shards) {
    trip.outgoing = shoal::test::options_on(on);
    trip.outgoing.input = trip.outgoing.output = outgoing;
    rig_.server().on_connect([this](connection& from) { return serve(from); });
    rig_.start();
    client = std::make_unique<peer>(rig_.connect());
    endpoint = std::make_unique<peer>(target_.accept(on));
    BOOST_REQUIRE(trip.events.wait_for("linked"));
  }

  void want(shard_id to) {
    BOOST_REQUIRE(!handle.run([to](connection& c) { static_cast<void>(c.move_to(to)); }));
  }
  void move_to(shard_id to) {
    want(to);
    BOOST_REQUIRE(rig_.until([&] { return trip.lives_on == to; }));
  }
  [[nodiscard]] net_rig& rig() noexcept { return rig_; }

  journey trip;
  connection_handle handle;
  std::unique_ptr<peer> client;
  std::unique_ptr<peer> endpoint;

 private:
  task<> serve(connection& from) {
    auto profile = shoal::make_profile();
    profile->options = trip.outgoing;
    dialer out{from.owner(), profile};
    const shoal::dial_options options{.timeout = std::chrono::seconds{10}, .tcp = {}, .source = {}};
    auto dialled = co_await out.dial(target_.where(), options);
    if (!dialled) co_return from.close(shoal::close_how::reset);
    relay::link(from, dialled->release(), std::make_unique<watcher>(trip));
    handle = from.handle();
    trip.lives_on = from.owner().id();
    trip.events.add("linked");
  }

  listening_peer target_;
  net_rig rig_;
};

/// While the pair moves again and again, both directions at once.
void streams_are_whole(wire on, moving_proxy& proxy) {
  const std::string there = pattern(6'000'000);
  const std::string back = there.substr(2'000'000);
  peer client_reads{::dup(proxy.client->fd()), on};
  peer endpoint_reads{::dup(proxy.endpoint->fd()), on};
  auto sends = std::async(std::launch::async, [&] { return proxy.client->send(there); });
  auto answers = std::async(std::launch::async, [&] { return proxy.endpoint->send(back); });
  auto received = std::async(std::launch::async, [&] { return client_reads.receive(back.size()); });
  auto arrived = std::async(std::launch::async, [&] { return endpoint_reads.receive(there.size()); });
  for (unsigned i = 0; arrived.wait_for(std::chrono::milliseconds{1}) != std::future_status::ready; ++i) {
    proxy.want(static_cast<shard_id>(i % shards));
  }
  BOOST_TEST((arrived.get() == there));
  BOOST_TEST((received.get() == back));
  BOOST_TEST(sends.get());
  BOOST_TEST(answers.get());
  BOOST_TEST(proxy.trip.arrived > 0);
  proxy.client->finish_writing();
  proxy.endpoint->finish_writing();
  BOOST_TEST(client_reads.wait_for_end() == 0);
  BOOST_TEST(proxy.trip.events.wait_for("6000000,4000000,eof,eof"));
  proxy.rig().stop();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_move_suite)

SHOAL_WIRE_TEST(a_pair_goes_on_where_it_arrives) {
  moving_proxy proxy{on};
  const shard_id home = proxy.handle.id().home;
  for (unsigned hop = 1; hop <= 6; ++hop) {
    proxy.move_to(static_cast<shard_id>((home + hop) % shards));
    BOOST_REQUIRE(proxy.client->send("there"));
    BOOST_TEST(proxy.endpoint->receive(5) == "there");
    BOOST_REQUIRE(proxy.endpoint->send("and back"));
    BOOST_TEST(proxy.client->receive(8) == "and back");
  }
  proxy.client->finish_writing();
  BOOST_TEST(proxy.endpoint->wait_for_end() == 0);
  proxy.endpoint->finish_writing();
  BOOST_TEST(proxy.client->wait_for_end() == 0);
  BOOST_TEST(proxy.trip.events.wait_for("30,48,eof,eof"));
  BOOST_TEST(proxy.trip.left == 6);
  BOOST_TEST(proxy.trip.arrived == 6);
  proxy.rig().stop();
}

SHOAL_WIRE_TEST(streams_are_whole_however_often_it_moves) {
  moving_proxy proxy{on};
  streams_are_whole(on, proxy);
}

// What an end has read and not handed on when it arrives is more than its low mark: it must go on reading.
SHOAL_WIRE_TEST(streams_are_whole_with_small_buffers_too) {
  moving_proxy proxy{on, {.high = 16'384, .low = 4'096}};
  streams_are_whole(on, proxy);
}

SHOAL_WIRE_TEST(the_end_of_one_end_on_the_way_ends_both) {
  for (unsigned i = 0; i < 20; ++i) {
    moving_proxy proxy{on};
    const shard_id home = proxy.handle.id().home;
    if (i % 2 == 1) proxy.move_to(static_cast<shard_id>((home + 1) % shards));
    proxy.want(static_cast<shard_id>((home + 2) % shards));
    (i % 4 < 2 ? proxy.client : proxy.endpoint)->reset();
    BOOST_TEST((i % 4 < 2 ? proxy.endpoint : proxy.client)->wait_for_end() != ETIMEDOUT);
    proxy.rig().stop();
    const std::string all = proxy.trip.events.all();
    BOOST_TEST(std::count(all.begin(), all.end(), ',') == 3);
  }
}

BOOST_AUTO_TEST_SUITE_END()
