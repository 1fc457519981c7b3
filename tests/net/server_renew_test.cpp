// SPDX-License-Identifier: Apache-2.0
// A server that is described anew, comes late or leaves early, while its runtime and its connections go on.
#include <shoal/core/shared_service.hpp>
#include <shoal/net/server.hpp>
#include <shoal/net/writer.hpp>
#include <tests/core/runtime_rig.hpp>
#include <tests/net/peer.hpp>

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using shoal::connection;
using shoal::runtime;
using shoal::server;
using shoal::test::left_nothing;
using shoal::test::peer;
using shoal::test::small_runtime;
using shoal::test::wire;
using namespace std::chrono_literals;

namespace {

/// Answers each request with a word.
auto answer(std::string word) {
  return [word = std::move(word)](connection& c) {
    static_cast<void>(c.input().take_all());
    if (c.output().write_owned(std::string{word})) c.flush();
  };
}

std::string ask(peer& client) {
  BOOST_TEST(client.send("?"));
  return client.receive(1);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(server_renew)

BOOST_AUTO_TEST_CASE(new_connections_have_the_new_hooks_and_old_ones_keep_theirs) {
  runtime r{small_runtime(2)};
  server s{r, {.bind = "127.0.0.1:0"}};
  s.on_request(answer("a"));
  BOOST_REQUIRE(r.start());
  peer old{s.addresses().front(), wire::plain};
  BOOST_TEST(ask(old) == "a");
  s.on_request(answer("b"));
  s.renew("renamed", 10, {});
  for (int i = 0; i < 8; ++i) {
    peer young{s.addresses().front(), wire::plain};
    BOOST_TEST(ask(young) == "b");
  }
  BOOST_TEST(ask(old) == "a");
  r.stop();
  r.wait();
  BOOST_TEST(left_nothing(r));
}

BOOST_AUTO_TEST_CASE(a_late_server_serves_and_one_that_leaves_serves_who_is_there) {
  runtime r{small_runtime(2)};
  BOOST_REQUIRE(r.start());
  auto late = shoal::make_shared_service<server>(r, shoal::server_options{.bind = "127.0.0.1:0"});
  late->on_request(answer("a"));
  BOOST_REQUIRE(r.start_added());
  const shoal::address where = late->addresses().front();
  // Some that were accepted, and many that may still wait in the kernel's queue: none may be reset.
  std::vector<peer> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back(where, wire::plain);
  bool is_over = false;
  late->stop_accepting([&] {
    is_over = true;
    late.reset();  // stops, and is destroyed when it has
    r.stop();
  });
  std::thread users{[&] {
    for (peer& client : clients) BOOST_TEST(ask(client) == "a");
    BOOST_TEST((peer{where, wire::plain}.error()) == ECONNREFUSED);
    clients.clear();
  }};
  r.wait_for_signals();
  users.join();
  BOOST_TEST(is_over);
  BOOST_TEST(left_nothing(r));
}

BOOST_AUTO_TEST_CASE(a_unix_path_is_free_before_the_last_connection_ends) {
  const std::string path = "/tmp/shoal-renew-" + std::to_string(::getpid()) + ".sock";
  runtime r{small_runtime(1)};
  BOOST_REQUIRE(r.start());
  auto first = shoal::make_shared_service<server>(r, shoal::server_options{.bind = "unix:" + path});
  first->on_request(answer("a"));
  BOOST_REQUIRE(r.start_added());
  const shoal::address where = first->addresses().front();
  peer old{where, wire::plain};
  BOOST_TEST(ask(old) == "a");
  std::unique_ptr<server> second;
  first->stop_accepting([&] {
    first.reset();
    r.call([&] {
      peer young{where, wire::plain};
      BOOST_TEST(ask(young) == "b");
      r.stop();
    });
  });
  std::thread user{[&] {
    while (std::filesystem::exists(path)) std::this_thread::yield();
    BOOST_TEST(ask(old) == "a");
    std::promise<void> started;
    r.call([&] {
      second = std::make_unique<server>(r, shoal::server_options{.bind = "unix:" + path});
      second->on_request(answer("b"));
      BOOST_TEST(r.start_added().has_value());
      started.set_value();
    });
    started.get_future().wait();
    old.close();
  }};
  r.wait_for_signals();
  user.join();
}

BOOST_AUTO_TEST_SUITE_END()
