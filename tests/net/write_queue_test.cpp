// SPDX-License-Identifier: Apache-2.0
// Many producers on several shards, one connection.
#include <shoal/net/write_queue.hpp>

#include <shoal/net/connection_handle.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <charconv>
#include <map>
#include <memory>
#include <string>

using shoal::connection;
using shoal::connection_id;
using shoal::errc;
using shoal::link_buffer;
using shoal::result;
using shoal::shard;
using shoal::task;
using shoal::write_queue;
using shoal::test::event_log;
using shoal::test::net_rig;
using shoal::test::pattern;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;

namespace {

link_buffer bytes_of(std::string_view text) {
  link_buffer made{shard::current().memory()};
  static_cast<void>(made.write_string(text));
  return made;
}

struct one_of_two {
  explicit one_of_two(wire on, std::size_t high = std::size_t{1} << 20)
      : rig{on, 2, [high](shoal::server_options& o) { o.connections.output = {.high = high, .low = high / 4}; }} {
    rig.server().on_connect([this](connection& c) {
      id = c.id();
      events.add("connect");
    });
    rig.start();
    client = std::make_unique<peer>(rig.connect(8192));
    BOOST_REQUIRE(events.wait_for("connect"));
    home = id.home;
    elsewhere = static_cast<shoal::shard_id>(1 - home);
  }

  event_log events;
  connection_id id;
  net_rig rig;
  std::unique_ptr<peer> client;
  shoal::shard_id home = 0;
  shoal::shard_id elsewhere = 0;
};

/// "p 0\n", "p 1\n", ... in posts of their own; what drained() said.
task<std::string> produce(connection_id to, std::string name, int lines, std::size_t max_under_way) {
  write_queue queue{to, max_under_way};
  for (int i = 0; i < lines; ++i) {
    auto line = bytes_of(name + ' ' + std::to_string(i) + '\n');
    const auto posted = co_await queue.post(std::move(line));
    if (!posted) co_return word_of(posted.error());
  }
  const auto outcome = co_await queue.drained();
  co_return outcome ? "done" : word_of(outcome.error());
}

/// Whether all lines of all producers are there, whole and in each one's order.
std::string misorder(const std::string& text, const std::map<std::string, int>& expected) {
  std::map<std::string, int> next;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = text.find('\n', at);
    const std::size_t space = text.find(' ', at);
    if (end == std::string::npos || space > end) return "a torn line: " + text.substr(at, 40);
    const std::string name = text.substr(at, space - at);
    int number = -1;
    std::from_chars(text.data() + space + 1, text.data() + end, number);
    if (number != next[name]++) return "out of order: " + text.substr(at, end - at);
    at = end + 1;
  }
  return next == expected ? "" : "lines are missing";
}

std::size_t length_of(const std::string& name, int lines) {
  std::size_t bytes = 0;
  for (int i = 0; i < lines; ++i) bytes += name.size() + 2 + std::to_string(i).size();
  return bytes;
}

std::uint64_t copied_here() { return shard::current().memory().counters().bytes_copied; }

}  // namespace

BOOST_AUTO_TEST_SUITE(write_queue_suite)

SHOAL_WIRE_TEST(every_producers_posts_arrive_whole_and_in_order) {
  constexpr int lines = 3000;
  one_of_two test{on, 4096};  // a mark that makes them wait
  std::map<std::string, std::future<std::string>> outcomes;
  std::size_t bytes = 0;
  for (const std::string name : {"a", "bb", "ccc", "dddd"}) {
    bytes += length_of(name, lines);
    const auto where = name.size() % 2 == 0 ? test.home : test.elsewhere;
    outcomes[name] = test.rig.start_task([id = test.id, name] { return produce(id, name, lines, 1000); }, where);
  }
  const std::string text = test.client->receive(bytes);
  BOOST_TEST(misorder(text, {{"a", lines}, {"bb", lines}, {"ccc", lines}, {"dddd", lines}}) == "");
  for (auto& [name, outcome] : outcomes) BOOST_TEST(shoal::test::get(std::move(outcome)) == "done");
}

BOOST_AUTO_TEST_CASE(what_arrives_in_one_turn_leaves_in_one_send_and_uncopied) {
  one_of_two test{wire::plain};
  const auto sends = test.rig.on_shard([] { return shard::current().io().counters().sends; }, test.home);
  const auto copied = test.rig.on_shard(copied_here, test.home);
  const std::string piece = pattern(6000);
  test.rig.on_shard(
      [id = test.id, &piece] {
        write_queue queue{id};
        for (int i = 0; i < 10; ++i) queue.try_post(bytes_of(piece));
      },  // it may go: what is under way arrives
      test.elsewhere);
  std::string expected;
  for (int i = 0; i < 10; ++i) expected += piece;
  BOOST_TEST((test.client->receive(60'000) == expected));
  const auto sends_after = test.rig.on_shard([] { return shard::current().io().counters().sends; }, test.home);
  BOOST_TEST(sends_after - sends < 10U);  // one, and more only where the kernel took a part
  BOOST_TEST(test.rig.on_shard(copied_here, test.home) == copied);
}

SHOAL_WIRE_TEST(a_peer_that_does_not_read_stops_its_producers) {
  constexpr std::size_t most = 64 << 10;
  one_of_two test{on, 128 << 10};
  const std::string piece = pattern(10'000);
  for (const auto where : {test.home, test.elsewhere}) {
    // Posts until it is told to stop; how much there was.
    std::unique_ptr<write_queue> queue;
    std::size_t sent = 0;
    std::error_code refused;
    for (int i = 0; i < 100'000 && !refused; ++i) {
      refused = test.rig.on_shard(
          [&, id = test.id]() -> std::error_code {
            if (queue == nullptr) queue = std::make_unique<write_queue>(id, most);
            auto bytes = bytes_of(piece);
            const auto error = queue->try_post(std::move(bytes));
            if (error && bytes.to_string() != piece) return make_error_code(errc::invalid_argument);
            return error;
          },
          where);
      if (!refused) sent += piece.size();
      if (!refused) test.rig.on_shard([] {}, test.home);
    }
    BOOST_TEST((refused == errc::would_block));
    BOOST_TEST(test.rig.on_shard([&] { return queue->under_way(); }, where) < most + piece.size());
    // One more waits; the peer reads; all of it comes, and the waiter goes on.
    auto waits = test.rig.start_task(
        [&]() -> task<std::string> {
          auto last = bytes_of("last");
          const auto posted = co_await queue->post(std::move(last));
          const auto all = co_await queue->drained();
          co_return word_of(posted ? std::error_code{} : posted.error()) + ' ' +
              word_of(all ? std::error_code{} : all.error());
        },
        where);
    const std::string text = test.client->receive(sent + 4);
    BOOST_TEST(text.size() == sent + 4);
    BOOST_TEST(text.substr(text.size() - 4) == "last");
    BOOST_TEST(shoal::test::get(std::move(waits)) == "nothing nothing");
    test.rig.on_shard([&] { queue.reset(); }, where);
  }
}

SHOAL_WIRE_TEST(the_end_of_the_connection_ends_the_wait_of_its_producers) {
  one_of_two test{on, 64 << 10};
  auto here = test.rig.start_task([id = test.id] { return produce(id, pattern(5000), 100'000, 100'000); }, test.home);
  auto there =
      test.rig.start_task([id = test.id] { return produce(id, pattern(5000), 100'000, 100'000); }, test.elsewhere);
  BOOST_TEST(test.client->receive(100'000).size() == 100'000U);
  test.client->reset();
  BOOST_TEST(shoal::test::get(std::move(here)) == "reset");
  const std::string remote = shoal::test::get(std::move(there));
  // What arrived before the end says why it ended, what came later that it is gone.
  BOOST_TEST((remote == "reset" || remote == "the connection is gone"), remote);
}

BOOST_AUTO_TEST_CASE(a_queue_to_nobody_says_so) {
  one_of_two test{wire::plain};
  for (const auto where : {test.home, test.elsewhere}) {
    const auto outcome = test.rig.run_task(
        [id = test.id]() -> task<std::string> {
          connection_id gone = id;
          ++gone.generation;
          write_queue queue{gone};
          queue.try_post(bytes_of("x"));
          const auto all = co_await queue.drained();
          co_return word_of(all ? std::error_code{} : all.error());
        },
        where);
    BOOST_TEST(outcome == "the connection is gone");
  }
}

BOOST_AUTO_TEST_SUITE_END()
