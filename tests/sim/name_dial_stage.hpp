// SPDX-License-Identifier: Apache-2.0
// Where names are dialled in simulation: a client with a script of names, a server, and addresses that nobody has.
//
// Thread rule: the test's thread.
#pragma once

#include <shoal/core/random.hpp>
#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/dialer.hpp>
#include <shoal/net/server.hpp>
#include <tests/sim/nothing_left.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shoal::test {

struct dial_background {
  explicit dial_background(shard&) {}
  scope tasks{[](const std::exception_ptr&) noexcept { std::terminate(); }};
};

/// What came of one dial.
struct dial_outcome {
  bool began = false;
  int times = 0;
  std::error_code error;
  std::string remote;
  std::string local;
  duration took{0};
  std::vector<dial_failure> failures;
};

struct dial_request {
  std::string target;
  dial_options options;
  profile_ptr profile;  // null: a plain one
  duration hold{0};     // how long to keep the connection
};

inline task<> run_dial(dial_request asked, dial_outcome& out) {
  asked.options.failures = &out.failures;
  dialer d{shard::current(), asked.profile != nullptr ? asked.profile : make_profile()};
  const auto start = shard::current().now();
  out.began = true;
  auto dialled = co_await d.dial(asked.target, asked.options);
  ++out.times;
  out.took = shard::current().now() - start;
  if (!dialled) {
    out.error = dialled.error();
    co_return;
  }
  out.remote = to_string((*dialled)->remote());
  const auto local = (*dialled)->local();
  if (local && local->is_ip()) out.local = to_string(local->with_port(0));
  co_await sleep_for(asked.hold);
}

inline runtime_options quiet(log_collector& lines) {
  runtime_options options;
  options.shards.shards = 1;
  options.shards.memory_per_shard = std::size_t{32} << 20U;
  options.log.collector = &lines;
  return options;
}

/// A client with a script of names, and a server: IPv4 and IPv6 on port 80, only IPv4 on port 81, nothing elsewhere.
/// Nobody has 10.0.0.99 or fd00::99: what goes there is lost.
class dial_stage {
 public:
  explicit dial_stage(std::uint64_t seed = 1, const sim::network_profile& network = sim::perfect_network())
      : w(seed, network) {
    client_host->add_address("fd00::1");
    server_host->add_address("fd00::2");
    serving.emplace(quiet(lines), server_host);
    server.emplace(*serving, options_of_server());
    BOOST_REQUIRE(serving->start().has_value());
    BOOST_REQUIRE(client.start().has_value());
  }
  dial_stage(const dial_stage&) = delete;
  dial_stage& operator=(const dial_stage&) = delete;
  ~dial_stage() {
    if (!stopped_) stop();
    serving->stop();
    serving->wait();
  }
  /// The client ends, and nothing of it is left.
  void stop() {
    stopped_ = true;
    client.stop();
    client.wait();
    check_nothing_left(client, *client_host);
  }
  void begin(dial_request asked, dial_outcome& out) {
    static_cast<void>(client.post(0, [asked = std::move(asked), &out] {
      shard::current().local<dial_background>().tasks.spawn(run_dial(asked, out));
    }));
  }
  dial_outcome dial(dial_request asked) {
    dial_outcome out;
    begin(std::move(asked), out);
    BOOST_TEST(w.run_until([&] { return out.times != 0; }, std::chrono::hours{1}));
    w.run_for(std::chrono::seconds{10});  // nothing comes twice
    BOOST_TEST(out.times == 1);
    on_shard([] { BOOST_TEST(shard::current().local<connection_table>().size() == 0U); });
    return out;
  }
  void on_shard(const std::function<void()>& what) {
    bool done = false;
    static_cast<void>(client.post(0, [&] {
      what();
      done = true;
    }));
    BOOST_REQUIRE(w.run_until([&] { return done; }, std::chrono::seconds{1}));
  }

  log_collector lines;
  sim::world w;
  std::shared_ptr<sim::sim_host> client_host = w.add_host("10.0.0.1");
  std::shared_ptr<sim::sim_host> server_host = w.add_host("10.0.0.2");
  sim::name_script& names = client_host->names();
  shoal::runtime client{quiet(lines), client_host};
  std::optional<shoal::runtime> serving;
  std::optional<shoal::server> server;  // goes before its runtime

 private:
  static shoal::server_options options_of_server() {
    shoal::server_options options;
    options.bind = {"10.0.0.2:80", "[fd00::2]:80", "10.0.0.2:81"};
    return options;
  }
  bool stopped_ = false;
};

inline std::string words(const std::vector<dial_failure>& failures) {
  std::string text;
  for (const auto& [where, error] : failures) {
    text += (where.is_set() ? to_string(where) : "name") + "=" + std::to_string(error.value()) + " ";
  }
  return text;
}

inline constexpr const char* live_v4 = "10.0.0.2";
inline constexpr const char* live_v6 = "fd00::2";
inline constexpr const char* dead_v4 = "10.0.0.99";
inline constexpr const char* dead_v6 = "fd00::99";

/// A unix socket of the client's own host that takes no connection more until room() is called.
class full_unix {
 public:
  explicit full_unix(dial_stage& s) : host_(*s.client_host) {
    const auto where = *parse_address("unix:@full");
    listener_ = *host_.open_listener(where.view(), {.backlog = 0, .tcp = {}});
    filler_ = *host_.open_stream(AF_UNIX, {});
    BOOST_REQUIRE(!host_.connect(filler_, where.view()));
    BOOST_REQUIRE(s.w.run_until([&] { return !host_.at(listener_)->queue.empty(); }, std::chrono::seconds{1}));
  }
  full_unix(const full_unix&) = delete;
  full_unix& operator=(const full_unix&) = delete;
  ~full_unix() {
    for (const int fd : {filler_, listener_, taken_}) {
      if (fd >= 0) host_.close_socket(fd);
    }
  }
  void room() { taken_ = host_.accept_waiting(listener_)->fd; }

 private:
  sim::sim_host& host_;
  int listener_ = -1;
  int filler_ = -1;
  int taken_ = -1;
};

inline bool about(duration took, duration expected) {
  return took >= expected && took < expected + std::chrono::milliseconds{5};
}

}  // namespace shoal::test
