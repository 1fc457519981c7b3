// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/dialer.hpp>
#include <shoal/net/relay.hpp>
#include <shoal/net/server.hpp>
#include <tests/net/xor_filter.hpp>
#include <tests/sim/move_stage.hpp>
#include <tests/sim/move_world.hpp>

#include <array>
#include <deque>
#include <memory>
#include <optional>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t clients = 6;

/// A client of the proxy, and its pair once there is one.
struct known {
  std::array<connection_handle, 2> names;  // client and endpoint
  bool linked = false;
  unsigned pair_ends = 0;
  unsigned ends = 0;
  unsigned homecomings = 0;
};

/// A proxy of four shards between clients and endpoints. In half of the worlds a client is linked only when its first
/// bytes are there: then it may have moved before, and the pair has two homes.
class pair_world final : private move_stage {
 public:
  pair_world(std::uint64_t seed, const move_setting& setting) : move_stage(seed, setting) {
    const bool filtered = choice_.below(2) == 0;
    const std::size_t mark = choice_.below(2) == 0 ? 4'000 : 1'000'000;
    if (filtered) options_.make_filter = [] { return std::make_unique<xor_filter>(); };
    for (std::size_t i = 0; i < clients; ++i) clients_.add(choice_, proxy_address_, options_, mishaps_);
    options_.output = {.high = mark, .low = mark / 4};
    options_.timeouts.idle = mishaps_ ? duration{300ms} : duration{10min};
    proxy_.emplace(proxy_side_, proxy_plan());
    if (choice_.below(2) == 0) {
      proxy_->on_connect([this](connection& c) { greet(c); });
      proxy_->on_request([this](connection& c) { return serve(c); });
    } else {
      proxy_->on_connect([this](connection& c) {
        greet(c);
        return serve(c);
      });
    }
    proxy_->on_leave([this](connection&) { return choice_.below(20) != 0; });
    proxy_->on_arrive([](connection& c) { ++of(c).homecomings; });
    proxy_->on_disconnect([](connection& c, std::error_code) { ++of(c).ends; });
    endpoint_.emplace(endpoint_side_, endpoint_plan());
    endpoint_->on_request(echo_frames);
  }

  move_outcome run() { return play(proxy_side_, client_side_, &endpoint_side_); }

 private:
  struct watcher final : relay_watcher {
    watcher(const pair_world& world, known& pair) noexcept : in(world), of(pair) {}
    void on_ended(const relay_summary&) override { ++of.pair_ends; }
    bool can_move() const noexcept override { return true; }
    profile_ptr profile_on(shard&) override { return in.dialled_profile(); }
    const pair_world& in;
    known& of;
  };

  static known& of(connection& c) { return **c.context<known*>(); }
  void greet(connection& c) {
    c.set_context<known*>(&known_.emplace_back());
    of(c).names[0] = c.handle();
  }

  [[nodiscard]] profile_ptr dialled_profile() const {
    auto made = make_profile();
    made->name = "endpoint";
    made->options = options_;
    return made;
  }

  task<> serve(connection& c) {
    known& who = of(c);
    dialer out{c.owner(), dialled_profile()};
    const dial_options options{.timeout = 5s, .tcp = {}, .source = {}};
    auto dialled = co_await out.dial(endpoint_address_, options);
    if (!c.is_active()) co_return;
    if (!dialled) co_return c.close(close_how::drain, dialled.error());
    connection& endpoint = dialled->release();
    who.names[1] = endpoint.handle();
    who.linked = true;
    relay::link(c, endpoint, std::make_unique<watcher>(*this, who));
  }

  server_options proxy_plan() {
    server_options made;
    made.bind = to_string(proxy_address_);
    made.name = "proxy";
    made.distribution = choice_.below(2) == 0 ? accept_distribution::reuseport : accept_distribution::round_robin;
    made.connections = options_;
    return made;
  }
  server_options endpoint_plan() const {
    server_options made;
    made.bind = to_string(endpoint_address_);
    made.name = "endpoint";
    made.connections = options_;
    return made;
  }

  void meddle_once() override {
    if (known_.empty()) return;
    const known& victim = known_[choice_.below(known_.size())];
    const connection_handle name = victim.names[victim.linked ? choice_.below(2) : 0];
    const shard_id from = any_shard();
    const shard_id to = any_shard();
    const auto dice = choice_.below(100);
    if (dice < 92) {
      send_about(proxy_side_, from, name, to);
    } else if (dice < 94) {
      fill_lane(proxy_side_, from, to);
    } else if (dice == 94 && mishaps_ && choice_.below(4) == 0) {
      close_by_name(proxy_side_, from, name);
    }
  }

  std::uint64_t moves() const override {
    std::uint64_t all = 0;
    for (const known& one : known_) all += one.homecomings;
    return all;
  }
  void take_down() override {
    proxy_.reset();
    endpoint_.reset();
  }
  void judge() override {
    for (const known& one : known_) {
      if (one.ends != 1) problem("on_disconnect ran " + std::to_string(one.ends) + " times");
      if (one.pair_ends != (one.linked ? 1U : 0U)) {
        problem("a pair ended " + std::to_string(one.pair_ends) + " times");
      }
    }
  }

  const address proxy_address_ = *parse_address("10.0.0.1", 7000);
  const address endpoint_address_ = *parse_address("10.0.0.3", 7001);
  std::deque<known> known_;
  runtime proxy_side_{quiet_runtime(lines_), add_host("10.0.0.1")};
  runtime client_side_{quiet_runtime(lines_), add_host("10.0.0.2")};
  runtime endpoint_side_{quiet_runtime(lines_), add_host("10.0.0.3")};
  connection_options options_;  // of the proxy and the endpoints; of clients, without marks and timeouts
  std::optional<server> proxy_;
  std::optional<server> endpoint_;
};

}  // namespace

move_outcome run_pair_world(std::uint64_t seed, const move_setting& setting) {
  pair_world world{seed, setting};
  return world.run();
}

}  // namespace shoal::test
