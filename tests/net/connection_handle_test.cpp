// SPDX-License-Identifier: Apache-2.0
// A connection's name elsewhere: on other shards, on threads that are none, and when the connection is gone.
#include <shoal/net/connection_handle.hpp>

#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

using shoal::close_how;
using shoal::connection;
using shoal::connection_handle;
using shoal::errc;
using shoal::result;
using shoal::task;
using shoal::test::event_log;
using shoal::test::net_rig;
using shoal::test::pattern;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;

namespace {

/// Two shards and one connection; `elsewhere` is the shard that it is not on.
class one_of_two {
 private:
  std::mutex mutex_;
  connection_handle latest_;

 public:
  explicit one_of_two(wire on) : rig{on, 2} {
    rig.server().on_connect([this](connection& c) {
      {
        const std::lock_guard lock{mutex_};
        latest_ = c.handle();
      }
      events.add("connect");
    });
    rig.server().on_disconnect([this](connection&, std::error_code why) { events.add("disconnect:" + word_of(why)); });
    rig.start();
    client = std::make_unique<peer>(rig.connect());
    BOOST_REQUIRE(events.wait_for("connect"));
    home = handle().id().home;
    elsewhere = static_cast<shoal::shard_id>(1 - home);
  }
  /// Of the connection that came last, on either shard.
  [[nodiscard]] connection_handle handle() {
    const std::lock_guard lock{mutex_};
    return latest_;
  }

  event_log events;
  net_rig rig;
  std::unique_ptr<peer> client;
  shoal::shard_id home = 0;
  shoal::shard_id elsewhere = 0;
};

std::size_t count_unread(connection& c, std::size_t factor) { return c.input().len() * factor; }

}  // namespace

BOOST_AUTO_TEST_SUITE(connection_handle_suite)

SHOAL_WIRE_TEST(bytes_posted_from_anywhere_arrive_in_the_senders_order) {
  one_of_two test{on};
  const connection_handle handle = test.handle();
  BOOST_TEST(!handle.post(std::string{"thread "}));
  BOOST_TEST(test.client->receive(7) == "thread ");
  for (const auto where : {test.home, test.elsewhere}) {
    test.rig.on_shard(
        [handle] {
          for (char c = 'a'; c <= 'z'; ++c) handle.post(std::string(1, c));
        },
        where);
    BOOST_TEST(test.client->receive(26) == "abcdefghijklmnopqrstuvwxyz");
  }
  const auto error = test.rig.on_shard(
      [handle] {
        handle.post(std::string{"and the end"});
        return handle.close();
      },
      test.elsewhere);
  BOOST_TEST(!error);
  BOOST_TEST(test.client->receive_all() == "and the end");
  BOOST_TEST(test.client->ending() == 0);
  test.client->close();
  BOOST_TEST(test.events.wait_for("disconnect:closed"));
}

SHOAL_WIRE_TEST(a_function_runs_on_the_connections_shard) {
  one_of_two test{on};
  event_log& events = test.events;
  const connection_handle handle = test.handle();
  const auto note = [&events, home = test.home](connection&) {
    events.add(shoal::shard::current().id() == home ? "at home" : "elsewhere");
  };
  BOOST_TEST(!handle.run(note));
  BOOST_TEST(!test.rig.on_shard([&] { return handle.run(note); }, test.home));
  BOOST_TEST(!test.rig.on_shard([&] { return handle.run(note); }, test.elsewhere));
  BOOST_TEST(events.wait_for("at home", 3));
  BOOST_TEST(events.count("elsewhere") == 0U);

  BOOST_TEST(test.client->send("12345"));
  BOOST_TEST(test.rig.run_task(
                 [handle]() -> task<std::size_t> {
                   // Asks until the bytes have come.
                   for (;;) {
                     const auto count = co_await handle.call(&count_unread, std::size_t{10});
                     if (!count || *count == 50) co_return count.value_or(0);
                   }
                 },
                 test.elsewhere) == 50U);
}

SHOAL_WIRE_TEST(a_function_that_throws_is_a_failed_handler) {
  one_of_two test{on};
  BOOST_TEST(!test.handle().run([](connection&) { throw std::runtime_error("planted"); }));
  BOOST_TEST(test.events.wait_for("disconnect:handler_failed"));
  BOOST_TEST(test.client->wait_for_end() == ECONNRESET);
  BOOST_TEST(test.rig.logged().find("planted") != std::string::npos);
}

SHOAL_WIRE_TEST(a_function_that_makes_room_lets_more_come_in) {
  net_rig rig{on, 1, [](shoal::server_options& o) { o.connections.input = {.high = 4096, .low = 1024}; }};
  rig.server().on_request([](connection&) {});  // leaves everything where it is
  rig.start();
  peer client = rig.connect();
  BOOST_REQUIRE(client.send(pattern(100'000)));
  BOOST_REQUIRE(
      rig.until([] { return net_rig::open_here() == 1 && net_rig::only_connection().input().len() >= 4096; }));
  const auto name = rig.with_connection([](connection& c) { return c.handle(); });
  std::size_t taken = 0;
  for (int tries = 0; tries < 100'000 && taken < 100'000; ++tries) {
    const std::size_t here = rig.with_connection([](connection& c) { return c.input().len(); });
    if (here != 0) BOOST_REQUIRE(!name.run([here](connection& c) { static_cast<void>(c.input().skip(here)); }));
    taken += here;
  }
  BOOST_TEST(taken == 100'000U);
  rig.stop();
}

SHOAL_WIRE_TEST(a_handle_of_what_is_gone_does_nothing_and_never_finds_another_connection) {
  one_of_two test{on};
  const connection_handle old = test.handle();
  test.client->reset();
  BOOST_TEST(test.events.wait_for("disconnect:reset"));
  // Until the slot is used again.
  connection_handle now;
  std::vector<std::unique_ptr<peer>> others;
  do {
    others.push_back(std::make_unique<peer>(test.rig.connect()));
    BOOST_REQUIRE(test.events.wait_for("connect", others.size() + 1));
    now = test.handle();
  } while (now.id().home != old.id().home || now.id().slot != old.id().slot);
  BOOST_TEST(!old.post(std::string{"for nobody"}));
  BOOST_TEST(!old.run([&](connection&) { test.events.add("ran"); }));
  BOOST_TEST(!old.close(close_how::reset));
  const auto answer = test.rig.run_task(
      [old]() -> task<result<std::size_t>> { co_return co_await old.call(&count_unread, std::size_t{1}); },
      test.elsewhere);
  BOOST_TEST((answer.error() == errc::stale_connection));
  BOOST_TEST(!now.post(std::string{"for me"}));
  BOOST_TEST(others.back()->receive(6) == "for me");
  BOOST_TEST(test.events.count("ran") == 0U);
}

BOOST_AUTO_TEST_CASE(a_handle_outlives_its_runtime) {
  connection_handle handle;
  {
    one_of_two test{wire::plain};
    handle = test.handle();
    test.rig.stop();
    std::string bytes{"kept"};
    BOOST_TEST((handle.post(std::move(bytes)) == errc::stopped));
    BOOST_TEST(bytes == "kept");
    // Another run of the same runtime has other connections, under ids that may be the same.
    test.rig.start();
    BOOST_TEST((handle.close() == errc::stopped));
  }
  BOOST_TEST((handle.post(std::string{"x"}) == errc::stopped));
  BOOST_TEST((handle.run([](connection&) {}) == errc::stopped));
  BOOST_TEST((connection_handle{}.close() == errc::stale_connection));
}

SHOAL_WIRE_TEST(a_peer_that_does_not_read_is_told_to_who_posts) {
  one_of_two test{on};
  const std::string piece(64 << 10, 'x');
  std::size_t sent = 0;
  std::error_code refused;
  // What the kernel takes, what the output takes up to its mark, and then what the handle takes.
  while (!refused && sent < (std::size_t{64} << 20)) {
    std::string bytes = piece;
    refused = test.handle().post(std::move(bytes));
    if (!refused) {
      sent += piece.size();
    } else {
      BOOST_TEST((bytes == piece));
    }
    // Not faster than it is taken: else the refusal would tell about the way there.
    test.rig.on_shard([] {}, test.home);
  }
  BOOST_TEST((refused == errc::would_block));
  BOOST_TEST(sent < (std::size_t{32} << 20));
  BOOST_TEST(test.client->receive(sent).size() == sent);
  // Room again, for all of it.
  std::error_code error = refused;
  for (int i = 0; error && i < 1000; ++i) {
    test.rig.on_shard([] {}, test.home);
    error = test.handle().post(std::string{"more"});
  }
  BOOST_TEST(!error);
  BOOST_TEST(test.client->receive(4) == "more");
}

BOOST_AUTO_TEST_SUITE_END()
