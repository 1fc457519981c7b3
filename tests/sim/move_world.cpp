// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/move_world.hpp>

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

class move_world final : private move_stage {
 public:
  move_world(std::uint64_t seed, const move_setting& setting) : move_stage(seed, setting) {
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

  move_outcome run() { return play(server_side_, client_side_); }

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

  void meddle_once() override {
    if (known_.empty()) return;
    known& victim = known_[choice_.below(known_.size())];
    const shard_id from = any_shard();
    const shard_id to = any_shard();
    const auto dice = choice_.below(100);
    if (dice < 55) {
      send_about(server_side_, from, victim.name, to);
    } else if (dice < 90) {
      on(server_side_, from, [&victim, from] { post(victim, from); });
    } else if (dice < 92) {
      fill_lane(server_side_, from, to);
    } else if (dice == 92 && mishaps_ && choice_.below(4) == 0) {
      close_by_name(server_side_, from, victim.name);
    }
  }

  static void post(known& victim, shard_id from) {
    std::string text{'P', static_cast<char>(from)};
    const std::uint32_t number = victim.posted[from];
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(number >> shift);
    if (!victim.name.post(std::move(text))) ++victim.posted[from];
  }

  std::uint64_t moves() const override {
    std::uint64_t all = 0;
    for (const known& one : known_) all += one.homecomings;
    return all;
  }
  void take_down() override { server_.reset(); }
  void judge() override {
    for (const known& one : known_) {
      if (one.ends != 1) problem("on_disconnect ran " + std::to_string(one.ends) + " times");
    }
  }

  std::deque<known> known_;
  runtime server_side_{quiet_runtime(lines_), add_host("10.0.0.1")};
  runtime client_side_{quiet_runtime(lines_), add_host("10.0.0.2")};
  connection_options options_;
  std::optional<server> server_;
};

}  // namespace

move_outcome run_move_world(std::uint64_t seed, const move_setting& setting) {
  move_world world{seed, setting};
  return world.run();
}

}  // namespace shoal::test
