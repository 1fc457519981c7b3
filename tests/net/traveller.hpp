// SPDX-License-Identifier: Apache-2.0
// A server of three shards with one connection that a test sends about, and its peer.
//
// Thread rule: the test's thread.
#pragma once

#include <shoal/net/connection_handle.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <string>

namespace shoal::test {

inline constexpr shard_id travel_shards = 3;

/// Answers "word\n" by "word@N\n", N the shard that served it. "go:N" moves to N, "sleep" holds the answer back.
inline void answer_lines(connection& c) {
  while (auto line = c.input().until('\n')) {
    const std::string_view text{reinterpret_cast<const char*>(line->data()), line->size() - 1};
    if (text.starts_with("go:")) static_cast<void>(c.move_to(static_cast<shard_id>(text[3] - '0')));
    static_cast<void>(c.output().write_string(std::string{text} + '@' + std::to_string(c.owner().id()) + '\n'));
  }
  c.flush();
}

struct traveller {
  explicit traveller(wire on, const std::function<void(shoal::server&)>& describe = {}, int receive_buffer = 0,
                     const std::function<void(server_options&)>& adjust = {})
      : rig{on, travel_shards, adjust} {
    rig.server().on_request(answer_lines);
    rig.server().on_connect([this](connection& c) {
      handle = c.handle();
      events.add("connect");
    });
    rig.server().on_disconnect([this](connection& c, std::error_code why) {
      events.add("disconnect:" + word_of(why) + '@' + std::to_string(c.owner().id()));
    });
    if (describe) describe(rig.server());
    rig.start();
    client = std::make_unique<peer>(rig.connect(receive_buffer));
    BOOST_REQUIRE(events.wait_for("connect"));
    home = handle.id().home;
  }

  /// Runs a captureless function on it and gives the answer.
  template <class F>
  auto call(F function) {
    const auto answer = rig.run_task([name = handle, function] { return name.call(function); }, home);
    BOOST_REQUIRE(answer.has_value());
    return *answer;
  }
  /// Where it lives, as its home knows it.
  [[nodiscard]] shard_id whereabouts() {
    return call([](connection& c) { return c.owner().id(); });
  }
  /// Moves it, and waits until it is there.
  void move_to(shard_id to) {
    BOOST_REQUIRE(!handle.run([to](connection& c) { static_cast<void>(c.move_to(to)); }));
    BOOST_REQUIRE(stage_advance([] { return true; }));
    for (int tries = 0; tries < 100000 && whereabouts() != to; ++tries) {
    }
    BOOST_TEST(whereabouts() == to);
  }
  [[nodiscard]] std::string ask(const std::string& line) {
    BOOST_REQUIRE(client->send(line + '\n'));
    return client->receive(line.size() + 3);
  }
  void wait_for_disconnect() {
    for (int tries = 0; tries < 100000 && events.all().find("disconnect") == std::string::npos; ++tries) {
      static_cast<void>(rig.open_connections());
    }
  }
  void expect_one_end() const {
    const std::string all = events.all();
    BOOST_TEST(all.find("disconnect") != std::string::npos);
    BOOST_TEST(all.find("disconnect") == all.rfind("disconnect"));
  }
  [[nodiscard]] shard_id other(unsigned steps = 1) const {
    return static_cast<shard_id>((home + steps) % travel_shards);
  }

  event_log events;
  connection_handle handle;
  net_rig rig;
  std::unique_ptr<peer> client;
  shard_id home = 0;
};

inline std::string at(const std::string& word, shard_id where) { return word + '@' + std::to_string(where) + '\n'; }

}  // namespace shoal::test
