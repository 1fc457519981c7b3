// SPDX-License-Identifier: Apache-2.0
// Live connections that move between shards: what the peer sees (nothing), what travels, what keeps one in its place.
#include <shoal/net/connection_handle.hpp>
#include <shoal/net/relay.hpp>
#include <shoal/net/write_queue.hpp>
#include <tests/net/traveller.hpp>
#include <tests/skip.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

using shoal::close_how;
using shoal::connection;
using shoal::connection_handle;
using shoal::errc;
using shoal::move_obstacle;
using shoal::shard;
using shoal::shard_id;
using shoal::task;
using shoal::test::at;
using shoal::test::event_log;
using shoal::test::net_rig;
using shoal::test::pattern;
using shoal::test::peer;
using shoal::test::travel_shards;
using shoal::test::traveller;
using shoal::test::wire;

namespace {

/// What takes all the memory of a shard.
struct hoard {
  explicit hoard(shard&) {}
  std::vector<void*> nodes;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(move_suite)

SHOAL_WIRE_TEST(the_peer_notices_nothing) {
  traveller test{on};
  BOOST_TEST(test.ask("a") == at("a", test.home));
  test.move_to(test.other(1));
  BOOST_TEST(test.ask("b") == at("b", test.other(1)));
  test.move_to(test.other(2));  // neither from home nor to it
  BOOST_TEST(test.ask("c") == at("c", test.other(2)));
  test.move_to(test.home);
  BOOST_TEST(test.ask("d") == at("d", test.home));
  BOOST_TEST(test.call([](connection& c) { return c.bytes_received(); }) == 8);
  // The answer can be here before the shard has heard that it left.
  for (int tries = 0; tries < 100000 && test.call([](connection& c) { return c.bytes_sent(); }) != 16; ++tries) {
  }
  BOOST_TEST(test.call([](connection& c) { return c.bytes_sent(); }) == 16);
  BOOST_TEST((test.call([](connection& c) { return c.id(); }) == test.handle.id()));
  test.client->close();
  BOOST_TEST(test.events.wait_for("disconnect:eof@" + std::to_string(test.home)));
  test.rig.stop();
}

SHOAL_WIRE_TEST(it_can_end_away_from_home) {
  traveller test{on};
  test.move_to(test.other());
  BOOST_TEST(!test.handle.close(close_how::drain));
  BOOST_TEST(test.client->wait_for_end() == 0);
  BOOST_TEST(test.events.wait_for("disconnect:closed@" + std::to_string(test.other())));
  // Its slot at home is free again, and its name names nothing.
  test.client->close();
  for (int tries = 0; tries < 100000 && test.rig.open_connections(test.home) != 0; ++tries) {
  }
  BOOST_TEST(test.rig.open_connections(test.home) == 0U);
  const auto gone = test.rig.run_task(
      [name = test.handle] { return name.call([](connection& c) { return c.owner().id(); }); }, test.home);
  BOOST_TEST((!gone && gone.error() == errc::stale_connection));
  test.rig.stop();
}

SHOAL_WIRE_TEST(half_a_message_travels) {
  traveller test{on};
  BOOST_TEST(test.ask("x") == at("x", test.home));
  BOOST_REQUIRE(test.client->send("half"));
  for (int tries = 0; tries < 100000; ++tries) {
    if (test.call([](connection& c) { return c.input().len(); }) == 4) break;
  }
  test.move_to(test.other());
  BOOST_TEST(test.call([](connection& c) { return c.input().len(); }) == 4U);
  BOOST_REQUIRE(test.client->send("way\n"));
  BOOST_TEST(test.client->receive(10) == at("halfway", test.other()));
  test.rig.stop();
}

SHOAL_WIRE_TEST(unsent_output_travels_uncopied) {
  constexpr std::size_t size = std::size_t{6} << 20;
  traveller test{on, {}, 8192};
  const auto written = test.call([](connection& c) {
    const auto done = c.output().write_owned(pattern(size));
    c.flush();
    return done.has_value();
  });
  BOOST_REQUIRE(written);
  const auto copied = [&] {
    std::uint64_t sum = 0;
    for (shard_id s = 0; s < travel_shards; ++s) {
      sum += test.rig.on_shard([] { return shard::current().memory().counters().bytes_copied; }, s);
    }
    return sum;
  };
  const auto before = copied();
  test.move_to(test.other(1));
  test.move_to(test.other(2));
  test.move_to(test.home);
  test.move_to(test.other(1));
  BOOST_TEST(copied() == before);
  BOOST_TEST((test.client->receive(size) == pattern(size)));
  BOOST_TEST(test.ask("after") == at("after", test.other(1)));
  test.rig.stop();
}

SHOAL_WIRE_TEST(a_handler_may_send_its_connection_away) {
  traveller test{on};
  // Pipelined: what is not answered here is answered there.
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "go:" + std::to_string(i % 3) + '\n';
  BOOST_REQUIRE(test.client->send(lines));
  const std::string answers = test.client->receive(300 * 7);
  BOOST_REQUIRE(answers.size() == 300U * 7);
  for (int i = 0; i < 300; ++i) {
    BOOST_TEST_REQUIRE(answers.substr(static_cast<std::size_t>(i) * 7, 5) == "go:" + std::to_string(i % 3) + '@');
  }
  test.rig.stop();
}

SHOAL_WIRE_TEST(messages_follow_in_the_order_of_their_sender) {
  traveller test{on};
  const auto post_from_there = [&](int number) {
    return test.rig.on_shard([name = test.handle, number] { return name.post(std::to_string(number % 10)).value(); },
                             test.other(2));
  };
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    if (i % 5 == 0) {
      const shard_id to = static_cast<shard_id>((i / 5) % travel_shards);
      BOOST_TEST(!test.handle.run([to](connection& c) { static_cast<void>(c.move_to(to)); }));
    }
    BOOST_TEST(post_from_there(i) == 0);
    expected += std::to_string(i % 10);
  }
  BOOST_TEST(test.client->receive(200) == expected);
  test.rig.stop();
}

SHOAL_WIRE_TEST(a_write_queue_follows_too) {
  traveller test{on};
  const auto sent = test.rig.start_task(
      [name = test.handle.id()]() -> task<bool> {
        shoal::write_queue queue{name, 4096};
        for (int i = 0; i < 500; ++i) {
          shoal::link_buffer bytes{shard::current().memory()};
          if (!bytes.write_string(std::string(100, static_cast<char>('a' + i % 26)))) co_return false;
          auto posted = co_await queue.post(std::move(bytes));
          if (!posted) co_return false;
        }
        auto all = co_await queue.drained();
        co_return all.has_value();
      },
      test.home);
  std::string expected;
  for (int i = 0; i < 500; ++i) expected.append(100, static_cast<char>('a' + i % 26));
  std::string got;
  for (int i = 0; i < 50; ++i) {
    const shard_id to = static_cast<shard_id>(i % static_cast<int>(travel_shards));
    BOOST_TEST(!test.handle.run([to](connection& c) { static_cast<void>(c.move_to(to)); }));
    got += test.client->receive(1000);
  }
  BOOST_TEST((got == expected));
  test.rig.stop();
}

SHOAL_WIRE_TEST(what_a_half_closed_peer_is_owed_arrives) {
  constexpr std::size_t size = std::size_t{4} << 20;
  // The server hears of the end although it cannot send: its output is below the mark that pauses receiving.
  traveller test{
      on, {}, 8192, [](shoal::server_options& o) { o.connections.output = {.high = 4 * size, .low = size}; }};
  BOOST_REQUIRE(test.call([](connection& c) {
    const auto done = c.output().write_owned(pattern(size));
    c.flush();
    return done.has_value();
  }));
  test.client->finish_writing();
  bool heard = false;
  for (int tries = 0; tries < 100000 && !heard; ++tries) heard = test.call([](connection& c) { return c.at_eof(); });
  BOOST_TEST(heard);
  test.move_to(test.other());
  BOOST_TEST((test.client->receive_all() == pattern(size)));
  BOOST_TEST(test.client->ending() == 0);
  BOOST_TEST(test.events.wait_for("disconnect:eof@" + std::to_string(test.other())));
  test.rig.stop();
}

SHOAL_WIRE_TEST(our_fin_leaves_behind_what_was_queued) {
  constexpr std::size_t size = std::size_t{4} << 20;
  traveller test{on, {}, 8192};
  BOOST_REQUIRE(test.call([](connection& c) {
    const auto done = c.output().write_owned(pattern(size));
    c.close_write();
    return done.has_value();
  }));
  test.move_to(test.other());
  BOOST_TEST((test.client->receive_all() == pattern(size)));
  BOOST_TEST(test.client->ending() == 0);
  test.client->close();
  BOOST_TEST(test.events.wait_for("disconnect:eof@" + std::to_string(test.other())));
  test.rig.stop();
}

SHOAL_WIRE_TEST(timeouts_of_its_own_act_on_the_new_shard) {
  traveller test{on};
  BOOST_TEST(test.ask("x") == at("x", test.home));
  BOOST_TEST(test.call([](connection& c) {
    c.set_idle_timeout(std::chrono::milliseconds{300});
    return true;
  }));
  test.move_to(test.other());
  BOOST_TEST(test.client->wait_for_end() == 0);
  BOOST_TEST(test.events.wait_for("disconnect:idle_timeout@" + std::to_string(test.other())));
  test.rig.stop();
}

SHOAL_WIRE_TEST(a_context_travels_by_its_hooks) {
  struct visits {
    int left = 0;
    int arrived = 0;
  };
  traveller test{on, [](shoal::server& s) {
                   s.on_leave([](connection& c) {
                     if (c.context<visits>() == nullptr) c.set_context(visits{});
                     ++c.context<visits>()->left;
                     return true;
                   });
                   s.on_arrive([](connection& c) { ++c.context<visits>()->arrived; });
                 }};
  test.move_to(test.other(1));
  test.move_to(test.other(2));
  BOOST_TEST(test.call([](connection& c) { return c.context<visits>()->left * 10 + c.context<visits>()->arrived; }) ==
             22);
  test.rig.stop();
}

SHOAL_WIRE_TEST(on_leave_may_refuse) {
  traveller test{on, [](shoal::server& s) { s.on_leave([](connection&) { return false; }); }};
  BOOST_TEST(!test.handle.run([to = test.other()](connection& c) { static_cast<void>(c.move_to(to)); }));
  for (int i = 0; i < 20; ++i) BOOST_TEST(test.ask("here") == at("here", test.home));
  test.rig.stop();
}

SHOAL_WIRE_TEST(what_keeps_a_connection_says_so) {
  traveller test{on};
  const auto obstacle = [&] { return std::string(to_string(test.call([](connection& c) { return c.pinned_by(); }))); };
  const auto refuses = [&] {
    return test.call([](connection& c) {
      return c.move_to(static_cast<shard_id>((c.owner().id() + 1) % travel_shards)) == errc::not_supported;
    });
  };
  BOOST_TEST(obstacle() == "none");
  BOOST_TEST(test.call([](connection& c) { return c.move_to(travel_shards) == errc::invalid_argument; }));
  test.call([](connection& c) { return c.output().write_string("x").has_value(); });
  BOOST_TEST(obstacle() == "unflushed");
  test.call([](connection& c) {
    c.flush();
    c.set_context(7);
    return true;
  });
  BOOST_TEST(obstacle() == "context");
  BOOST_TEST(refuses());
  test.call([](connection& c) { return c.stop_token().stop_requested(); });
  BOOST_TEST(refuses());
  test.rig.stop();
}

SHOAL_WIRE_TEST(a_session_stays_and_goes_on) {
  event_log ended;
  traveller test{on, [&](shoal::server& s) {
                   s.on_request([](connection& c) -> task<> {
                     for (;;) {
                       auto line = co_await c.reader().until("\n");
                       if (!line) co_return;
                       auto echoed = c.output().write_binary(*line);
                       if (!echoed) co_return;
                       c.flush();
                       c.reader().release();
                     }
                   });
                 }};
  BOOST_REQUIRE(test.client->send("one\n"));
  BOOST_TEST(test.client->receive(4) == "one\n");
  BOOST_TEST(test.call([](connection& c) { return to_string(c.pinned_by()); }) != "none");
  BOOST_TEST(!test.handle.run([to = test.other()](connection& c) { static_cast<void>(c.move_to(to)); }));
  BOOST_REQUIRE(test.client->send("two\n"));
  BOOST_TEST(test.client->receive(4) == "two\n");
  BOOST_TEST(test.whereabouts() == test.home);
  test.rig.stop();
}

SHOAL_WIRE_TEST(a_shard_without_memory_sends_it_back) {
  traveller test{on};
  const shard_id full = test.other();
  BOOST_REQUIRE(test.client->send("half"));
  test.rig.on_shard(
      [] {
        // Every node of a connection's size that the slab will give.
        auto& held = shard::current().local<hoard>().nodes;
        while (void* node = shard::current().memory().allocate_node(sizeof(connection))) held.push_back(node);
      },
      full);
  BOOST_TEST(!test.handle.run([full](connection& c) { static_cast<void>(c.move_to(full)); }));
  const auto refused = [&] {
    return test.rig.on_shard([] { return shard::current().local<shoal::connection_table>().counters().moves_refused; },
                             test.home);
  };
  for (int tries = 0; tries < 100000 && refused() == 0; ++tries) {
  }
  BOOST_TEST(refused() == 1U);
  BOOST_REQUIRE(test.client->send("way\n"));
  BOOST_TEST(test.client->receive(10) == at("halfway", test.home));
  test.rig.on_shard(
      [] {
        auto& held = shard::current().local<hoard>().nodes;
        for (void* node : held) shoal::slab::free_node(node, sizeof(connection));
        held.clear();
      },
      full);
  test.move_to(full);
  test.rig.stop();
}

SHOAL_WIRE_TEST(a_reset_on_the_way_ends_it_once) {
  for (unsigned i = 0; i < 20; ++i) {
    traveller test{on};
    BOOST_TEST(!test.handle.run([to = test.other()](connection& c) { static_cast<void>(c.move_to(to)); }));
    test.client->reset();
    test.wait_for_disconnect();
    test.expect_one_end();
    test.rig.stop();
  }
}

SHOAL_WIRE_TEST(a_stop_finds_those_that_move) {
  for (unsigned i = 0; i < 4; ++i) {
    traveller test{on};
    for (unsigned hop = 0; hop <= i % 4; ++hop) {
      BOOST_TEST(!test.handle.run([to = test.other(hop + 1)](connection& c) { static_cast<void>(c.move_to(to)); }));
    }
    test.rig.stop();
    test.expect_one_end();
  }
}

BOOST_AUTO_TEST_SUITE_END()
