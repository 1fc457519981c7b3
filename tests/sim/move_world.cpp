// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/move_world.hpp>

#include <shoal/core/random.hpp>
#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <shoal/net/connection_handle.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/server.hpp>
#include <shoal/net/writer.hpp>
#include <tests/net/xor_filter.hpp>
#include <tests/sim/move_client.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

constexpr unsigned shards = 4;
constexpr std::size_t clients = 6;

/// A connection as the world's meddlers know it.
struct known {
  connection_handle name;
  std::array<std::uint32_t, shards> posted{};  // by sender
  unsigned ends = 0;
  unsigned homecomings = 0;
};

struct background {
  explicit background(shard&) {}
  scope tasks{[](const std::exception_ptr&) noexcept { std::terminate(); }};
};

void echo_frames(connection& c) {
  for (;;) {
    const auto head = c.input().peek(2);
    if (!head) break;
    const std::size_t size = load<std::uint16_t, std::endian::big>(head->data());
    if (c.input().len() < 2 + size) break;
    static_cast<void>(c.input().skip(2));
    auto frame = c.input().take(size);
    static_cast<void>(c.output().write_u16_be('E' << 8U));
    static_cast<void>(c.output().write_u16_be(static_cast<std::uint16_t>(size)));
    static_cast<void>(c.output().append(std::move(*frame)));
  }
  c.flush();
}

task<> echo_one_frame(connection& c) {
  auto reader = c.reader();
  const auto size = co_await reader.read_u16_be();
  if (!size) co_return;
  auto frame = co_await reader.slice(*size);
  if (!frame) co_return;
  if (!c.output().write_u16_be('E' << 8U) || !c.output().write_u16_be(*size)) co_return;
  if (c.output().append(std::move(*frame))) c.flush();
}

/// Occupies places in a lane for a while.
task<> linger(duration time) { co_await sleep_for(time); }
task<> fill_lane(shard_id to, duration time) { co_await submit_to(to, &linger, time); }

class move_world {
 public:
  move_world(std::uint64_t seed, const move_setting& setting)
      : choice_(seed), mishaps_(setting.mishaps), world_(seed, setting.profile) {
    const bool filtered = choice_.below(2) == 0;
    const std::size_t mark = choice_.below(2) == 0 ? 4'000 : 1'000'000;
    if (filtered) options_.make_filter = [] { return std::make_unique<xor_filter>(); };
    for (std::size_t i = 0; i < clients; ++i) plan_client();
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
    for (std::size_t i = 0; i < clients; ++i) {
      on(client_side_, static_cast<shard_id>(i % shards),
         [this, i] { shard::current().local<background>().tasks.spawn(talk(plans_[i], outcomes_[i])); });
    }
    meddle();
    if (mishaps_ && choice_.below(4) == 0) world_.after(1ms * choice_.below(300), [this] { server_side_.stop(); });
    if (!world_.run_until([this] { return all_done(); }, 30min)) problem("a client waits for ever");
    meddling_ = false;
    count();
    stop(server_side_);
    stop(client_side_);
    server_.reset();
    world_.run_for(10min);
    if (!world_.is_still()) problem("something goes on after the end");
    if (server_host_->open_descriptors() + client_host_->open_descriptors() != 0) problem("a descriptor is left");
    judge();
    outcome_.hash = world_.trace_hash();
    return std::move(outcome_);
  }

 private:
  void plan_client() {
    move_client_plan& plan = plans_.emplace_back();
    plan.target = *parse_address("10.0.0.1", 7000);
    plan.options = options_;
    plan.text.resize(1 + choice_.below(choice_.below(8) == 0 ? 60'000 : 6'000));
    for (char& c : plan.text) c = static_cast<char>(choice_());
    plan.longest_frame = 1 + choice_.below(2'000);
    plan.seed = choice_();
    if (mishaps_ && choice_.below(8) == 0) plan.quits_after = 1 + choice_.below(plan.text.size());
    plan.falls_silent = mishaps_ && choice_.below(8) == 0;
    outcomes_.emplace_back();
  }

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

  static runtime_options quiet(log_collector& lines) {
    runtime_options made;
    made.shards.shards = shards;
    made.shards.memory_per_shard = std::size_t{8} << 20U;
    made.drain_timeout = 2s;
    made.log.collector = &lines;
    return made;
  }

  template <class F>
  static void on(runtime& side, shard_id where, F what) {
    auto started = side.post(where, std::move(what));
    static_cast<void>(started);
  }
  shard_id any_shard() { return static_cast<shard_id>(choice_.below(shards)); }

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
      on(server_side_, from, [to, time] {
        if (to == shard::current().id()) return;
        for (unsigned i = 0; i < lane_capacity; ++i)
          shard::current().local<background>().tasks.spawn(fill_lane(to, time));
      });
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

  [[nodiscard]] bool all_done() const { return std::ranges::all_of(outcomes_, &move_client_outcome::done); }

  void count() {
    for (const known& one : known_) outcome_.moves += one.homecomings;
    for (const move_client_outcome& one : outcomes_) outcome_.posts += one.posts;
  }

  void stop(runtime& side) {
    side.stop();
    side.wait();
    for (const auto& report : side.reports()) {
      if (report.fds != 0 || report.blocks != 0 || report.timers != 0) problem("a shard left something over");
      outcome_.full_lanes += report.mail.lane_full;
    }
  }

  void judge() {
    for (const known& one : known_) {
      if (one.ends != 1) problem("on_disconnect ran " + std::to_string(one.ends) + " times");
    }
    for (std::size_t i = 0; i < clients; ++i) {
      const move_client_outcome& client = outcomes_[i];
      const std::string name = "client " + std::to_string(i);
      ++outcome_.dialled;
      if (client.dial_error) continue;
      if (client.out_of_order) problem(name + " got posts out of order");
      if (!plans_[i].text.starts_with(client.received)) problem(name + " got bytes that it did not send, or shuffled");
      if (client.end == errc::write_timeout || client.end == errc::idle_timeout) problem(name + " was stuck");
      if (client.received.size() == plans_[i].text.size() && client.end == errc::eof) ++outcome_.whole;
    }
  }

  void problem(std::string what) { outcome_.problems.push_back(std::move(what)); }

  random_source choice_;
  const bool mishaps_;
  sim::world world_;
  std::shared_ptr<sim::sim_host> server_host_ = world_.add_host("10.0.0.1");
  std::shared_ptr<sim::sim_host> client_host_ = world_.add_host("10.0.0.2");
  log_collector lines_;
  std::deque<known> known_;
  runtime server_side_{quiet(lines_), server_host_};
  runtime client_side_{quiet(lines_), client_host_};
  connection_options options_;
  std::optional<server> server_;
  std::deque<move_client_plan> plans_;
  std::deque<move_client_outcome> outcomes_;
  bool meddling_ = true;
  move_outcome outcome_;
};

}  // namespace

move_outcome run_move_world(std::uint64_t seed, const move_setting& setting) {
  move_world world{seed, setting};
  return world.run();
}

}  // namespace shoal::test
