// SPDX-License-Identifier: Apache-2.0
// What went wrong elsewhere when connections began to move between threads. The numbers are those of helio, the
// engine under Dragonfly, whose trail of mended bugs this list is.
#include <shoal/core/maybe_yield.hpp>
#include <shoal/core/sleep.hpp>
#include <tests/net/traveller.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>

using shoal::close_how;
using shoal::connection;
using shoal::link_buffer;
using shoal::shard;
using shoal::shard_id;
using shoal::task;
using shoal::test::at;
using shoal::test::pattern;
using shoal::test::travel_shards;
using shoal::test::traveller;
using shoal::test::wire;

namespace {

/// Bytes arrive in groups of four; what is left over waits inside the filter's stage.
class fours final : public shoal::filter {
 public:
  std::error_code decode(link_buffer& raw, link_buffer& plain, bool) override {
    auto whole = raw.take(raw.len() / 4 * 4);
    if (!whole) return whole.error();
    if (auto done = plain.append(std::move(*whole)); !done) return done.error();
    if (auto done = plain.commit(); !done) return done.error();
    return {};
  }
  std::error_code encode(link_buffer& plain, link_buffer& raw) override {
    if (auto done = raw.append(plain.take_all()); !done) return done.error();
    if (auto done = raw.commit(); !done) return done.error();
    return {};
  }
  bool can_move() const noexcept override { return true; }
};

/// Waits on both sides of its work, and says whether it was where its connection was all the time.
task<> look_around(connection& c) {
  auto reader = c.reader();
  const auto line = co_await reader.until("\n");
  if (!line) co_return;
  bool at_home = &shard::current() == &c.owner();
  co_await shoal::maybe_yield();
  co_await shoal::sleep_for(std::chrono::microseconds{1});
  at_home = at_home && &shard::current() == &c.owner();
  static_cast<void>(c.output().write_string(at_home ? "here\n" : "lost\n"));
  c.flush();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(move_hazards)

// 1064: registered with the new poller, but not for what it was waiting for.
SHOAL_WIRE_TEST(who_waits_for_room_in_the_socket_is_told_on_the_new_shard) {
  constexpr std::size_t size = std::size_t{6} << 20;
  traveller test{on, {}, 8192};
  BOOST_REQUIRE(test.call([](connection& c) {
    const auto done = c.output().write_owned(pattern(size));
    c.flush();
    return done.has_value();
  }));
  BOOST_REQUIRE(test.rig.until([] { return true; }));
  test.move_to(test.other());
  // Nothing but the socket's own readiness moves it on from here.
  BOOST_TEST((test.client->receive(size) == pattern(size)));
  test.rig.stop();
}

// 1064 the other way: reading was paused when it left.
SHOAL_WIRE_TEST(who_had_paused_reading_reads_on_when_there_is_room) {
  std::atomic<bool> hungry = false;
  traveller test{on,
                 [&](shoal::server& s) {
                   s.on_request([&](connection& c) {
                     if (!hungry) return;
                     const std::size_t eaten = c.input().len();
                     static_cast<void>(c.input().skip(eaten));
                     for (std::size_t i = 0; i < eaten; ++i) static_cast<void>(c.output().write_u8('.'));
                     c.flush();
                   });
                 },
                 0, [](shoal::server_options& o) { o.connections.input = {.high = 4096, .low = 1024}; }};
  BOOST_REQUIRE(test.client->send(std::string(20'000, 'x')));
  for (int tries = 0; tries < 100000; ++tries) {
    if (test.call([](connection& c) { return c.input().len(); }) >= 4096) break;
  }
  test.move_to(test.other());
  hungry = true;
  BOOST_REQUIRE(!test.handle.run([](connection& c) {
    static_cast<void>(c.output().write_string(std::string(c.input().len(), '.')));
    static_cast<void>(c.input().skip(c.input().len()));
    c.flush();
  }));
  BOOST_TEST((test.client->receive(20'000) == std::string(20'000, '.')));
  test.rig.stop();
}

// 1960, 2569: callbacks and timers of the old thread that still fire there.
SHOAL_WIRE_TEST(nothing_of_it_stays_on_the_old_shard) {
  traveller test{on};
  const auto attached = [&](shard_id where) {
    return test.rig.on_shard([] { return shard::current().io().attached(); }, where);
  };
  const std::size_t with_it = attached(test.home);
  const std::size_t without = attached(test.other());
  test.move_to(test.other());
  BOOST_TEST(attached(test.home) == with_it - 1);
  BOOST_TEST(attached(test.other()) == without + 1);
  test.client->close();
  BOOST_TEST(test.events.wait_for("disconnect:eof@" + std::to_string(test.other())));
  BOOST_TEST(test.events.count("disconnect:eof@" + std::to_string(test.home)) == 0U);
  test.rig.stop();
}

// 2820: on its way it was in nobody's table, and those who looked for it found nothing.
SHOAL_WIRE_TEST(by_name_it_is_found_at_every_moment) {
  traveller test{on};
  for (unsigned i = 0; i < 50; ++i) {
    BOOST_REQUIRE(!test.handle.run([to = test.other(i)](connection& c) { static_cast<void>(c.move_to(to)); }));
    const shard_id from = static_cast<shard_id>(i % travel_shards);
    const auto found = test.rig.run_task(
        [name = test.handle] { return name.call([](connection& c) { return c.bytes_sent(); }); }, from);
    BOOST_TEST(found.has_value());
  }
  test.rig.stop();
}

// 2237: an address of the old thread's own storage, kept across the move.
SHOAL_WIRE_TEST(a_coroutine_is_where_its_connection_is) {
  traveller test{on, [](shoal::server& s) { s.on_request(look_around); }};
  for (unsigned i = 0; i < 30; ++i) {
    BOOST_REQUIRE(!test.handle.run([to = test.other(i)](connection& c) { static_cast<void>(c.move_to(to)); }));
    BOOST_REQUIRE(test.client->send("?\n"));
    BOOST_TEST(test.client->receive(5) == "here\n");
  }
  test.rig.stop();
}

// 3725: closed by somebody else while it was on its way.
SHOAL_WIRE_TEST(a_close_on_the_way_ends_it_once) {
  for (unsigned i = 0; i < 12; ++i) {
    traveller test{on};
    BOOST_REQUIRE(!test.handle.run([to = test.other()](connection& c) { static_cast<void>(c.move_to(to)); }));
    const auto how = i % 2 == 0 ? close_how::drain : close_how::reset;
    const auto from = static_cast<shard_id>(i % travel_shards);
    BOOST_TEST(!test.rig.on_shard([name = test.handle, how] { return name.close(how); }, from));
    BOOST_TEST(test.client->wait_for_end() == (how == close_how::drain ? 0 : ECONNRESET));
    test.client->close();
    test.wait_for_disconnect();
    test.expect_one_end();
    test.rig.stop();
  }
}

// 7890: bytes that TLS had already taken from the socket when it left, and that no event announced again.
BOOST_AUTO_TEST_CASE(what_a_filter_has_taken_in_is_served_on_the_new_shard) {
  traveller test{wire::plain, {}, 0, [](shoal::server_options& o) {
                   o.connections.make_filter = [] { return std::make_unique<fours>(); };
                 }};
  BOOST_REQUIRE(test.client->send("abcdefg"));
  for (int tries = 0; tries < 100000; ++tries) {
    if (test.call([](connection& c) { return c.bytes_received(); }) >= 4) break;
  }
  test.move_to(test.other());
  BOOST_REQUIRE(test.client->send("\n"));
  BOOST_TEST(test.client->receive(10) == at("abcdefg", test.other()));
  test.rig.stop();
}

// The same without a filter and without a later event: the second message lay in the buffer when the first one's
// handler asked for the move.
SHOAL_WIRE_TEST(what_was_read_ahead_needs_no_event_to_be_served) {
  traveller test{on};
  BOOST_REQUIRE(test.client->send("go:" + std::to_string(test.other()) + "\nnext\n"));
  BOOST_TEST(test.client->receive(14).size() == 14U);
  for (int tries = 0; tries < 100000 && test.whereabouts() != test.other(); ++tries) {
  }
  BOOST_TEST(test.ask("then") == at("then", test.other()));
  test.rig.stop();
}

BOOST_AUTO_TEST_SUITE_END()
