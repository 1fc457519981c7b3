// SPDX-License-Identifier: Apache-2.0
// Detaching and adopting: the descriptor changes hands, and no byte is lost or comes twice.
#include <shoal/net/detach.hpp>

#include <shoal/net/relay.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

using shoal::adopt;
using shoal::connection;
using shoal::connection_owner;
using shoal::detach;
using shoal::detached_socket;
using shoal::errc;
using shoal::fail;
using shoal::profile_ptr;
using shoal::result;
using shoal::task;
using shoal::test::event_log;
using shoal::test::net_rig;
using shoal::test::pattern;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;

namespace {

void echo(connection& c) {
  static_cast<void>(c.output().append(c.input().take_all()));
  c.flush();
}

/// Hooks that note the end, around one on_request.
profile_ptr noting(event_log& events, shoal::handler on_request) {
  auto made = shoal::make_profile();
  made->hooks.on_request = std::move(on_request);
  made->hooks.on_disconnect = [&events](connection&, std::error_code reason) {
    events.add("second:" + word_of(reason));
  };
  return made;
}

void note_ends(net_rig& rig, event_log& events) {
  rig.server().on_connect([&](connection& c) { c.add_close_callback([&](connection&) { events.add("callback"); }); });
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add("disconnect:" + word_of(reason)); });
}

/// Moves the descriptor into a new connection of the same profile after every piece that it echoes.
struct hopper {
  profile_ptr profile;
  int hops = 0;
  int refused = 0;

  void hop(connection& c) {
    // Half of it is left unread, and all of the output unsent.
    if (auto some = c.input().take((c.input().len() + 1) / 2)) {
      static_cast<void>(c.output().append(std::move(*some)));
    }
    const auto error = c.detach([this, &here = c.owner()](result<detached_socket> socket) {
      auto next = socket ? adopt(here, std::move(*socket), profile) : result<connection_owner>{fail(socket.error())};
      ++(next ? hops : refused);
      if (next) next->release();
    });
    if (error) ++refused;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(detaching)

BOOST_AUTO_TEST_CASE(the_taker_gets_what_is_in_neither_hand) {
  event_log events;
  const profile_ptr next_life = noting(events, echo);  // outlives the shards: its count is theirs
  net_rig rig{wire::plain};
  note_ends(rig, events);
  rig.server().on_request([&](connection& c) -> task<> {
    const auto word = co_await c.reader().read_string(5);
    events.add("read:" + word.value_or("?"));
    static_cast<void>(c.output().write_string("queued "));
    auto socket = co_await detach(c);
    if (!socket) co_return events.add("not detached");
    events.add("unread:" + socket->unread().to_string());
    events.add("unsent:" + socket->unsent().to_string());
    auto adopted = adopt(c.owner(), std::move(*socket), next_life);
    if (!adopted) co_return events.add("not adopted");
    if (c.is_active()) events.add("still active");
    adopted->release();
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("hello,world"));
  BOOST_TEST(client.receive(13) == "queued ,world");
  BOOST_TEST(client.send(" and on"));
  BOOST_TEST(client.receive(7) == " and on");
  BOOST_TEST(events.wait_for("callback"));
  BOOST_TEST(events.all() == "read:hello unread:,world unsent:queued  disconnect:detached callback ");
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("second:eof"));
}

BOOST_AUTO_TEST_CASE(bytes_that_arrive_during_the_change_are_neither_lost_nor_doubled) {
  event_log events;
  hopper hops;
  net_rig rig{wire::plain};
  rig.server().on_request([&](connection& c) { hops.hop(c); });
  hops.profile = noting(events, [&](connection& c) { hops.hop(c); });
  rig.start();
  const std::string text = pattern(300'000);
  peer client = rig.connect();
  std::string got;
  for (std::size_t at = 0; at < text.size(); at += 10'000) {
    BOOST_TEST(client.send(std::string_view{text}.substr(at, 10'000)));
    got += client.receive(5'000);
  }
  got += client.receive(text.size() - got.size());
  BOOST_TEST((got == text));
  client.finish_writing();
  BOOST_TEST(client.wait_for_end() == 0);
  BOOST_TEST(events.wait_for("second:eof"));
  BOOST_TEST(rig.on_shard([&] { return hops.hops; }) > 30);
  BOOST_TEST(rig.on_shard([&] { return hops.refused; }) == 0);
  rig.on_shard([&] { hops.profile.reset(); });
}

BOOST_AUTO_TEST_CASE(detaching_is_decided_once) {
  event_log events;
  net_rig rig{wire::plain};
  note_ends(rig, events);
  rig.server().on_request([&](connection& c) {
    const auto note = [&events](result<detached_socket> socket) { events.add(socket ? "taken" : "refused"); };
    events.add("first:" + word_of(c.detach(note)));
    events.add("second:" + word_of(c.detach(note)));
    c.close();
    c.close(shoal::close_how::reset);
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("x"));
  BOOST_TEST(client.wait_for_end() == 0);  // nobody kept the descriptor: an orderly end
  BOOST_TEST(events.wait_for("callback"));
  BOOST_TEST(events.all() == "first:nothing second:detached taken disconnect:detached callback ");
}

BOOST_AUTO_TEST_CASE(what_can_not_be_handed_over_says_so_and_stays) {
  event_log events;
  net_rig rig{wire::filtered};
  std::error_code filtered;
  std::error_code closed;
  rig.server().on_request([&](connection& c) {
    const auto nobody = [&](const result<detached_socket>&) { events.add("given away"); };
    filtered = c.detach(nobody);
    echo(c);
    c.close();
    closed = c.detach(nobody);
  });
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(client.send("still here"));
  BOOST_TEST(client.receive_all() == "still here");
  client.close();
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 0; }));
  BOOST_TEST((rig.on_shard([&] { return filtered; }) == errc::not_supported));
  BOOST_TEST((rig.on_shard([&] { return closed; }) == errc::closed));
  BOOST_TEST(events.all().empty());
}

BOOST_AUTO_TEST_CASE(a_pair_is_not_torn_apart) {
  event_log events;
  net_rig rig{wire::plain};
  rig.start();
  peer one = rig.connect();
  peer two = rig.connect();
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 2; }));
  const auto error = rig.on_shard([&] {
    std::vector<connection*> both;
    shoal::shard::current().local<shoal::connection_table>().for_each([&](connection& c) { both.push_back(&c); });
    shoal::relay::link(*both[0], *both[1], [](const shoal::relay_summary&) {});
    return both[0]->detach([&](const result<detached_socket>&) { events.add("given away"); });
  });
  BOOST_TEST((error == errc::not_supported));
  BOOST_TEST(one.send("across"));
  BOOST_TEST(two.receive(6) == "across");
  BOOST_TEST(events.all().empty());
}

BOOST_AUTO_TEST_SUITE_END()
