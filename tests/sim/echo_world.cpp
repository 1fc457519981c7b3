// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/echo_world.hpp>

#include <shoal/core/random.hpp>
#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/server.hpp>
#include <shoal/net/writer.hpp>
#include <tests/net/xor_filter.hpp>
#include <tests/sim/echo_client.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string_view>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

constexpr unsigned shards = 4;
constexpr std::size_t clients = 12;
constexpr std::string_view server_address = "10.0.0.1";
constexpr std::uint16_t server_port = 7000;
constexpr std::uint16_t deserted_port = 7001;

/// What the server saw of one connection.
struct served {
  bool ended = false;
  std::error_code reason;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
};

struct background {
  explicit background(shard&) {}
  scope tasks{[](const std::exception_ptr&) noexcept { std::terminate(); }};
};

std::string text_of(std::uint64_t seed, std::size_t bytes) {
  random_source random{seed};
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

/// Nothing here is slow enough for these, unless somebody has stopped to read or to send.
bool is_timeout(std::error_code reason) {
  return reason == errc::write_timeout || reason == errc::idle_timeout || reason == errc::half_closed_timeout;
}

class echo_world {
 public:
  echo_world(std::uint64_t seed, const echo_setting& setting)
      : choice_(seed), mishaps_(setting.mishaps), world_(seed, setting.profile) {
    if (setting.lines) world_.write_trace(setting.lines);
    plan_connections();
    server_.emplace(server_side_, server_plan());
    server_->on_connect([this](connection& c) { seen_[c.remote().port()]; });
    server_->on_request([mishaps = mishaps_](connection& c) {
      if (mishaps && shard::current().random().below(500) == 0) return c.close(close_how::reset);
      c.output().append(c.input().take_all());
      c.flush();
    });
    server_->on_disconnect([this](connection& c, std::error_code reason) {
      seen_[c.remote().port()] = {true, reason, c.bytes_received(), c.bytes_sent()};
    });
  }

  echo_outcome run() {
    if (!server_side_.start() || !client_side_.start()) {
      problem("a runtime did not start");
      return std::move(outcome_);
    }
    world_.after(20ms, [this] { server_host_->jump_wall_time(-5h); });
    for (std::size_t i = 0; i < clients; ++i) launch(i);
    if (mishaps_) plan_mishaps();
    if (!world_.run_until([this] { return all_done(); }, 30min)) problem("a client waits for ever");
    stop(server_side_);
    stop(client_side_);
    server_.reset();
    world_.run_for(10min);
    if (!world_.is_still()) problem("something goes on after the end");
    if (server_host_->open_descriptors() + client_host_->open_descriptors() != 0) problem("a descriptor is left");
    for (std::size_t i = 0; i < clients; ++i) judge(i);
    outcome_.hash = world_.trace_hash();
    outcome_.events = world_.trace_events();
    outcome_.faults = world_.faults();
    return std::move(outcome_);
  }

 private:
  void plan_connections() {
    const bool filtered = choice_.below(2) == 0;
    const std::size_t mark = choice_.below(2) == 0 ? 4'000 : 1'000'000;
    options_.output = {.high = mark, .low = mark / 4};
    if (filtered) options_.make_filter = [] { return std::make_unique<xor_filter>(); };
    for (std::size_t i = 0; i < clients; ++i) {
      client_plan& plan = plans_.emplace_back();
      const bool astray = mishaps_ && choice_.below(12) == 0;
      plan.target = *parse_address(server_address, astray ? deserted_port : server_port);
      plan.options = options_;
      plan.options.output = {};
      plan.dial.timeout = 20s;
      const std::uint64_t most = choice_.below(10) == 0 ? 200'000 : 20'000;
      const std::uint64_t bytes = 1 + choice_.below(most);
      plan.text = text_of(choice_(), bytes);
      plan.portion = 1 + choice_.below(plan.text.size());
      if (mishaps_ && choice_.below(10) == 0) plan.quits_after = 1 + choice_.below(plan.text.size());
      plan.seed = choice_();
      outcomes_.emplace_back();
    }
  }

  server_options server_plan() {
    server_options made;
    made.bind = to_string(*parse_address(server_address, server_port));
    made.name = "echo";
    constexpr std::array policies{accept_distribution::reuseport,   accept_distribution::round_robin,
                                  accept_distribution::random_two,  accept_distribution::least_connections,
                                  accept_distribution::source_hash, accept_distribution::least_busy};
    made.distribution = policies[static_cast<std::size_t>(choice_.below(policies.size()))];
    made.backlog = 8;
    made.connections = options_;
    return made;
  }

  void plan_mishaps() {
    // Few enough that some connections wait for the end of others.
    server_host_->set_descriptor_limit(server_host_->open_descriptors() + 2 + choice_.below(clients));
    stops_early_ = choice_.below(4) == 0;
    if (stops_early_) world_.after(1ms * choice_.below(2'000), [this] { server_side_.stop(); });
  }

  static runtime_options quiet(log_collector& lines) {
    runtime_options made;
    made.shards.shards = shards;
    made.shards.memory_per_shard = std::size_t{8} << 20U;
    made.drain_timeout = 5s;
    made.log.collector = &lines;
    return made;
  }

  void launch(std::size_t i) {
    const auto on = static_cast<shard_id>(i % shards);
    auto started = client_side_.post(
        on, [this, i] { shard::current().local<background>().tasks.spawn(talk(plans_[i], outcomes_[i])); });
    static_cast<void>(started);
  }
  bool all_done() const { return std::ranges::all_of(outcomes_, &client_outcome::done); }

  void stop(runtime& side) {
    side.stop();
    side.wait();
    for (const auto& report : side.reports()) {
      if (report.fds != 0 || report.blocks != 0 || report.timers != 0) problem("a shard left something over");
    }
  }

  void judge(std::size_t i) {
    const client_outcome& client = outcomes_[i];
    const std::string name = "client " + std::to_string(i);
    ++outcome_.dialled;
    const bool astray = plans_[i].target.port() != server_port;
    if (client.dial_error) {
      if (astray && client.dial_error != std::errc::connection_refused && client.dial_error != errc::connect_timeout) {
        problem(name + " should have been refused");
      }
      return;
    }
    ++outcome_.connected;
    const std::string& text = plans_[i].text;
    if (astray) problem(name + " reached a port where nobody listens");
    if (!text.starts_with(client.received)) problem(name + " got bytes that it did not send, or out of order");
    const bool whole = client.received.size() == text.size() && client.end == errc::eof;
    ++(whole ? outcome_.whole : outcome_.broken);
    if (is_timeout(client.end)) problem(name + " was stuck: " + client.end.message());
    const auto found = seen_.find(client.port);
    if (found != seen_.end()) return compare(name, text.size(), whole, client, found->second);
    // It was never served. A server that stops closes what it has just accepted.
    if (client.end == errc::eof && !stops_early_) problem(name + " saw an orderly end that nobody sent");
  }

  void compare(const std::string& name, std::size_t bytes, bool whole, const client_outcome& client,
               const served& other) {
    if (!other.ended) problem(name + " has left a connection on the server");
    if (is_timeout(other.reason)) problem(name + " was stuck on the server: " + other.reason.message());
    if (whole) {
      if (other.reason != errc::eof && other.reason != errc::stopped) {
        problem(name + " is content, the server was told: " + other.reason.message());
      }
    } else if (client.end == errc::eof) {
      // Only a server that was stopped may end in order before it has answered all.
      if (!stops_early_ || other.reason != errc::stopped) problem(name + " saw an orderly end before its last byte");
    } else if (other.reason == errc::eof && (other.received != bytes || other.sent != bytes)) {
      // Else the server had said all it had to say before the network broke.
      problem(name + " was cut off, the server saw an orderly end");
    }
  }

  void problem(std::string what) { outcome_.problems.push_back(std::move(what)); }

  random_source choice_;
  const bool mishaps_;
  sim::world world_;
  std::shared_ptr<sim::sim_host> server_host_ = world_.add_host(server_address);
  std::shared_ptr<sim::sim_host> client_host_ = world_.add_host("10.0.0.2");
  log_collector lines_;
  runtime server_side_{quiet(lines_), server_host_};
  runtime client_side_{quiet(lines_), client_host_};
  connection_options options_;
  std::optional<server> server_;
  std::deque<client_plan> plans_;
  std::deque<client_outcome> outcomes_;
  std::map<std::uint16_t, served> seen_;
  bool stops_early_ = false;
  echo_outcome outcome_;
};

}  // namespace

echo_outcome run_echo_world(std::uint64_t seed, const echo_setting& setting) {
  echo_world world{seed, setting};
  return world.run();
}

}  // namespace shoal::test
