// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/move_world.hpp>

#include <shoal/core/runtime.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/net/connection_handle.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/server.hpp>
#include <tests/net/xor_filter.hpp>
#include <tests/sim/move_stage.hpp>

#include <array>
#include <deque>
#include <memory>
#include <optional>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t clients = 6;

/// A connection as the world's meddlers know it.
struct known {
  connection_handle name;
  std::array<std::uint32_t, move_shards> posted{};  // by sender
  unsigned ends = 0;
  unsigned homecomings = 0;
};

class move_world {
 public:
  move_world(std::uint64_t seed, const move_setting& setting)
      : choice_(seed), mishaps_(setting.mishaps), world_(seed, setting.profile) {
    const bool filtered = choice_.below(2) == 0;
    const std::size_t mark = choice_.below(2) == 0 ? 4'000 : 1'000'000;
    if (filtered) options_.make_filter = [] { return std::make_unique<xor_filter>(); };
    for (std::size_t i = 0; i < clients; ++i) {
      clients_.add(choice_, *parse_address("10.0.0.1", 7000), options_, mishaps_);
    }
    server_.emplace(server_side_, server_plan(mark));
    if (choice_.below(2) == 0) {
      server_->on_request(echo_frames);
    } else {
      server_->on_request(echo_one_frame);
    }
    server_->on_connect([this](connection& c) {
      c.set_context<known*>(&known_.emplace_back());
      (*c.context<known*>())->name = c.handle();
    });
    server_->on_leave([this](connection&) { return choice_.below(20) != 0; });
    server_->on_arrive([](connection& c) { ++(*c.context<known*>())->homecomings; });
    server_->on_disconnect([](connection& c, std::error_code) { ++(*c.context<known*>())->ends; });
  }

  move_outcome run() {
    if (!server_side_.start() || !client_side_.start()) {
      problem("a runtime did not start");
      return std::move(outcome_);
    }
    clients_.start(client_side_);
    meddle();
    if (mishaps_ && choice_.below(4) == 0) world_.after(1ms * choice_.below(300), [this] { server_side_.stop(); });
    if (!world_.run_until([this] { return clients_.all_done(); }, 30min)) problem("a client waits for ever");
    meddling_ = false;
    for (const known& one : known_) outcome_.moves += one.homecomings;
    stop_side(server_side_, outcome_);
    stop_side(client_side_, outcome_);
    server_.reset();
    world_.run_for(10min);
    if (!world_.is_still()) problem("something goes on after the end");
    if (server_host_->open_descriptors() + client_host_->open_descriptors() != 0) problem("a descriptor is left");
    judge();
    outcome_.hash = world_.trace_hash();
    return std::move(outcome_);
  }

 private:
  server_options server_plan(std::size_t mark) {
    server_options made;
    made.bind = "10.0.0.1:7000";
    made.name = "echo";
    made.distribution = choice_.below(2) == 0 ? accept_distribution::reuseport : accept_distribution::round_robin;
    made.connections = options_;
    made.connections.output = {.high = mark, .low = mark / 4};
    made.connections.timeouts.idle = mishaps_ ? duration{300ms} : duration{10min};
    return made;
  }

  shard_id any_shard() { return static_cast<shard_id>(choice_.below(move_shards)); }

  /// Every now and then somebody does something to somebody.
  void meddle() {
    if (!meddling_) return;
    world_.after(1us * choice_.below(1'500), [this] { meddle(); });
    if (known_.empty()) return;
    known& victim = known_[choice_.below(known_.size())];
    const shard_id from = any_shard();
    const shard_id to = any_shard();
    const auto dice = choice_.below(100);
    if (dice < 55) {
      on(server_side_, from, [name = victim.name, to] {
        static_cast<void>(name.run([to](connection& c) { static_cast<void>(c.move_to(to)); }));
      });
    } else if (dice < 90) {
      on(server_side_, from, [&victim, from] { post(victim, from); });
    } else if (dice < 92) {
      const duration time = 1us * choice_.below(3'000);
      on(server_side_, from, [to, time] { fill_lane(to, time); });
    } else if (dice == 92 && mishaps_ && choice_.below(4) == 0) {
      const auto how = choice_.below(2) == 0 ? close_how::drain : close_how::reset;
      on(server_side_, from, [name = victim.name, how] { static_cast<void>(name.close(how)); });
    }
  }

  static void post(known& victim, shard_id from) {
    std::string text{'P', static_cast<char>(from)};
    const std::uint32_t number = victim.posted[from];
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(number >> shift);
    if (!victim.name.post(std::move(text))) ++victim.posted[from];
  }

  void judge() {
    for (const known& one : known_) {
      if (one.ends != 1) problem("on_disconnect ran " + std::to_string(one.ends) + " times");
    }
    clients_.judge(outcome_);
  }

  void problem(std::string what) { outcome_.problems.push_back(std::move(what)); }

  random_source choice_;
  const bool mishaps_;
  sim::world world_;
  std::shared_ptr<sim::sim_host> server_host_ = world_.add_host("10.0.0.1");
  std::shared_ptr<sim::sim_host> client_host_ = world_.add_host("10.0.0.2");
  log_collector lines_;
  std::deque<known> known_;
  runtime server_side_{quiet_runtime(lines_), server_host_};
  runtime client_side_{quiet_runtime(lines_), client_host_};
  connection_options options_;
  std::optional<server> server_;
  move_clients clients_;
  bool meddling_ = true;
  move_outcome outcome_;
};

}  // namespace

move_outcome run_move_world(std::uint64_t seed, const move_setting& setting) {
  move_world world{seed, setting};
  return world.run();
}

}  // namespace shoal::test
