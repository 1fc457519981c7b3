// SPDX-License-Identifier: Apache-2.0
#include "proxy/tcp_proxy.hpp"

#include "proxy/convert.hpp"
#include <shoal/core/log_format.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/relay.hpp>
#include <shoal/net/writer.hpp>

#include <algorithm>

namespace proxy {
namespace {

// A dead endpoint under load is one line a second, with a count, not one per client.
constexpr shoal::duration failure_report_interval = std::chrono::seconds{1};

void echo(shoal::connection& c) {
  if (c.output().append(c.input().take_all())) c.flush();
}

}  // namespace

/// What one shard keeps for one upstream of this listener.
struct tcp_proxy::on_shard {
  on_shard(shoal::shard& here, const shoal::config::listener_config& listener, shared_upstream& shared,
           shoal::hash_table_ptr table)
      : config(shared.config),
        group(to_upstream_options(config), here.random(), std::move(table)),
        health(shared.health ? &*shared.health : nullptr),
        limit(shared.limit ? &*shared.limit : nullptr),
        profile(profile_for(listener, config)),
        out(here, profile) {
    gates.assign(group.endpoints().size(), shoal::log_gate{failure_report_interval});
    if (health != nullptr) health->attach(group);
  }

  static shoal::profile_ptr profile_for(const shoal::config::listener_config& listener,
                                        const shoal::config::upstream_config& config) {
    auto made = shoal::make_profile();
    made->name = config.name;
    made->options = to_connection_options(listener);
    if (config.timeouts.idle) made->options.timeouts.idle = *config.timeouts.idle;
    return made;
  }

  void note_outcome(const shoal::endpoint& e, std::error_code outcome) {
    if (health != nullptr) health->report(index_of(e), outcome);
  }
  /// Of one that took the connection: its first byte, or that it cut it off before.
  void note_service(const shoal::endpoint& e, std::error_code outcome) {
    if (health != nullptr) health->report_service(index_of(e), outcome);
  }
  [[nodiscard]] std::size_t index_of(const shoal::endpoint& e) const {
    return static_cast<std::size_t>(&e - group.endpoints().data());
  }

  const shoal::config::upstream_config& config;
  shoal::upstream group;
  shoal::upstream_health* health;  // null: not watched
  shoal::upstream_limit* limit;    // null: none
  shoal::profile_ptr profile;      // of what is dialled
  shoal::dialer out;
  std::vector<shoal::log_gate> gates;  // by endpoint
  shoal::log_gate full{failure_report_interval};
};

/// One client from its accept to its access record.
struct tcp_proxy::session {
  session(const tcp_proxy& p, const shoal::connection& c)
      : client(c.remote()), shard(&c.owner()), since(c.opened_at()) {
    if (p.by_name_.empty()) upstream_name = p.upstreams_.front()->config.name;
  }
  session(std::shared_ptr<tcp_proxy> holds, const shoal::connection& c) : session(*holds, c) {
    proxy = std::move(holds);
  }

  std::shared_ptr<tcp_proxy> proxy;  // first: it outlives the rest
  shoal::address client;             // who it is, by its PROXY header if it has one
  std::uint64_t header_bytes = 0;    // received, and not passed on
  shoal::shard* shard;               // where it lives, at the end where it ended
  shoal::instant since;
  std::string_view upstream_name = "-";  // until it is chosen
  std::size_t upstream = 0;
  shoal::upstream_limit::place place;  // with a limit
  shoal::endpoint_lease lease;
  std::string endpoint = "-";
  std::optional<shoal::duration> connect;  // how long it took
  unsigned attempts = 0;
};

/// A client linked to its endpoint. When they move, their shard's share of the upstream's counts goes along.
struct tcp_proxy::pair final : shoal::relay_watcher {
  explicit pair(std::shared_ptr<session> s) noexcept
      : from(std::move(s)), endpoint_index(here().index_of(*from->lease.get())) {}

  void on_ended(const shoal::relay_summary& end) override {
    const auto reason = end.first_ended_first ? end.first_reason : end.second_reason;
    if (!end.first_ended_first && reason && reason != shoal::errc::eof && reason != shoal::errc::stopped) {
      from->proxy->report_failure(here(), *from->lease.get(), "ended", reason);
    }
    const bool spoke = end.second_spoke_at != shoal::instant::min();
    if (!end.first_ended_first && !spoke && reason == std::errc::connection_reset) {
      here().note_service(*from->lease.get(), reason);
    }
    std::optional<shoal::duration> first_byte;
    if (spoke) first_byte = end.second_spoke_at - from->since;
    from->proxy->record(*from, end.from_first, end.from_second,
                        end_word(end.first_ended_first ? "client" : "upstream", reason), first_byte);
  }
  void on_second_spoke() override { here().note_service(*from->lease.get(), {}); }
  bool can_move() const noexcept override { return true; }
  void on_leave() noexcept override { from->lease = {}; }
  void on_arrive(shoal::shard& there) override {
    from->shard = &there;
    from->lease = shoal::endpoint_lease::taken_over(here().group.endpoints()[endpoint_index]);
  }
  shoal::profile_ptr profile_on(shoal::shard& there) override { return on(there).profile; }

  [[nodiscard]] on_shard& on(const shoal::shard& which) const {
    return *from->proxy->shards_[which.id()][from->upstream];
  }
  [[nodiscard]] on_shard& here() const { return on(*from->shard); }

  std::shared_ptr<session> from;
  std::size_t endpoint_index;
};

tcp_proxy::tcp_proxy(shoal::runtime& owner, shoal::config::listener_config listener, const shared_upstreams& all,
                     access_log* access, std::shared_ptr<traffic_by_shard> traffic)
    : runtime_(owner), listener_(std::move(listener)), access_(access), traffic_(std::move(traffic)) {
  choose_upstreams(all);
  runtime_.add(*this);
}

tcp_proxy::~tcp_proxy() { runtime_.remove(*this); }

void tcp_proxy::choose_upstreams(const shared_upstreams& all) {
  const auto names = upstreams_of(listener_);
  for (const auto& name : names) upstreams_.push_back(all.find(name)->second);
  for (const auto& [server_name, upstream] : listener_.sni) {
    const auto index = static_cast<std::size_t>(std::ranges::find(names, upstream) - names.begin());
    static_cast<void>(by_name_.add(server_name, index));
  }
}

void tcp_proxy::describe(shoal::server& server, const std::shared_ptr<tcp_proxy>& self) {
  const bool says_first = opening_reader::is_wanted(listener_);
  server.on_request({}).on_connect({}).on_leave({}).on_arrive({}).on_disconnect({});
  if (!is_builtin()) {
    server.on_connect([self, says_first](shoal::connection& c) {
      return says_first ? self->serve_opened(c, self) : self->serve(c, self);
    });
    return;
  }
  server.on_request(echo);
  if (says_first) server.on_connect([self](shoal::connection& c) { return self->open_builtin(c); });
  // What a connection finds on another shard is the newest proxy, which may do something else. What open_builtin()
  // keeps in its context belongs to no shard.
  server.on_leave([self](shoal::connection&) { return !self->is_retired_; });
  server.on_arrive([](shoal::connection&) {});
  server.on_disconnect([self](shoal::connection& c, std::error_code reason) { self->record_builtin(c, reason); });
}

std::expected<void, shoal::start_failure> tcp_proxy::prepare(shoal::runtime& owner) {
  shards_.clear();
  shards_.resize(owner.shards());
  tables_.clear();
  for (const auto& upstream : upstreams_) {
    if (!is_builtin()) tables_.push_back(shoal::make_hash_table(to_upstream_options(upstream->config)));
  }
  openings_.clear();
  openings_.resize(owner.shards());
  if (traffic_->empty()) traffic_->resize(owner.shards());
  return {};
}

void tcp_proxy::start(shoal::shard& here) {
  openings_[here.id()] = std::make_unique<opening_reader>(listener_, by_name_);
  if (is_builtin()) return;
  for (std::size_t i = 0; i < upstreams_.size(); ++i) {
    shards_[here.id()].push_back(std::make_unique<on_shard>(here, listener_, *upstreams_[i], tables_[i]));
  }
}

/// While the shard goes on, what is its own ends on it; nobody needs it any more. At the end of the run connections may
/// outlive this: then it goes after them.
shoal::task<> tcp_proxy::stop(shoal::shard& here, shoal::instant) {
  if (!weak_from_this().expired()) co_return;
  for (const auto& mine : shards_[here.id()]) {
    if (mine->health != nullptr) mine->health->detach(mine->group);
  }
  shards_[here.id()].clear();
}

void tcp_proxy::finished() noexcept {
  shards_.clear();
  openings_.clear();
}

shoal::task<> tcp_proxy::serve(shoal::connection& client, const std::shared_ptr<tcp_proxy>& self) {
  return connect(client, std::make_shared<session>(self, client), opening{.client = client.remote()});
}

/// For clients that say something first.
shoal::task<> tcp_proxy::serve_opened(shoal::connection& client, std::shared_ptr<tcp_proxy> self) {
  auto from = std::make_shared<session>(std::move(self), client);
  auto reading = openings_[client.owner().id()]->read(client);
  opening opened = co_await reading;
  from->client = opened.client;
  from->header_bytes = opened.header_bytes;
  if (!opened.refused.empty()) {
    record(*from, client.bytes_received(), 0, std::move(opened.refused));
    co_return;
  }
  from->upstream = opened.upstream;
  from->upstream_name = upstreams_[opened.upstream]->config.name;
  auto connecting = connect(client, std::move(from), std::move(opened));
  co_await connecting;
}

shoal::task<> tcp_proxy::connect(shoal::connection& client, std::shared_ptr<session> from, opening opened) {
  shoal::shard& here = client.owner();
  on_shard& mine = *shards_[here.id()][from->upstream];
  if (mine.limit != nullptr) {
    auto finding = find_place(client, *from, mine);
    const bool found = co_await finding;
    if (!found) co_return;
  }
  const shoal::instant began = here.now();
  const shoal::instant deadline = began + mine.config.timeouts.connect;
  const std::size_t attempts = std::min<std::size_t>(mine.config.connect_attempts, mine.group.endpoints().size());
  const shoal::pick_request whom{.hash = shoal::pick_hash(from->client), .now = here.now()};
  shoal::tried_endpoints tried;
  std::error_code last = make_error_code(shoal::errc::no_endpoint);
  while (shoal::endpoint* e = mine.group.pick(tried, whom)) {
    tried.add(*e);
    ++from->attempts;
    from->lease = shoal::endpoint_lease{*e};
    from->endpoint = e->name();
    // What is left of the budget, shared with the attempts to come: one endpoint that drops SYNs must not eat it all.
    const auto left = (deadline - here.now()) / static_cast<std::int64_t>(attempts - tried.size() + 1);
    if (left <= shoal::duration::zero()) break;
    const shoal::dial_options options{.timeout = left, .tcp = {}, .source = {}};
    auto dialled = co_await mine.out.dial(e->where(), options);
    mine.note_outcome(*e, dialled ? std::error_code{} : dialled.error());
    if (dialled && client.is_active()) {
      from->connect = here.now() - began;
      if (auto said = announce(**dialled, mine.config.proxy_protocol, client, opened); !said) {
        last = said.error();
        break;
      }
      shoal::relay::link(client, dialled->release(), std::make_unique<pair>(std::move(from)));
      co_return;
    }
    if (!client.is_active()) {
      record(*from, client.bytes_received(), 0, end_word("client", client.reason()));
      co_return;
    }
    last = dialled.error();
    from->lease.fail();
    report_failure(mine, *e, "connect", last);
  }
  const char* const failed = last == shoal::errc::connect_timeout ? "connect_timeout" : "connect_failed";
  record(*from, client.bytes_received(), 0, from->attempts == 0 ? "no_endpoint" : failed);
  // An orderly end: a reset so soon could hit the client inside its connect().
  client.close(shoal::close_how::drain, last);
}

/// Waits in the line of an upstream that is full. False: it ended there, and is recorded.
shoal::task<bool> tcp_proxy::find_place(shoal::connection& client, session& from, on_shard& mine) {
  if (auto place = mine.limit->try_take()) {
    from.place = std::move(*place);
    co_return true;
  }
  auto waiting = mine.limit->wait(client.stop_token());
  auto place = co_await waiting;
  if (place && client.is_active()) {
    from.place = std::move(*place);
    co_return true;
  }
  if (!client.is_active()) {
    record(from, client.bytes_received(), 0, end_word("client", client.reason()));
    co_return false;
  }
  const bool too_many = place.error() == shoal::errc::would_block;
  report_full(mine, too_many ? "too many wait" : "no place in time");
  record(from, client.bytes_received(), 0, too_many ? "queue_full" : "queue_timeout");
  client.close(shoal::close_how::drain, place.error());
  co_return false;
}

void tcp_proxy::report_full(on_shard& mine, std::string_view how) {
  shoal::shard& here = shoal::shard::current();
  const auto suppressed = mine.full.pass(here.now());
  if (!suppressed) return;
  log_warning(here.log(), "upstream {} has its {} connections: {}, a client is closed ({} more since the last line)",
              mine.config.name, mine.config.limits.max_connections.value_or(0), how, *suppressed);
}

void tcp_proxy::report_failure(on_shard& mine, const shoal::endpoint& e, std::string_view doing,
                               std::error_code error) {
  shoal::shard& here = shoal::shard::current();
  const auto suppressed = mine.gates[mine.index_of(e)].pass(here.now());
  if (!suppressed) return;
  if (*suppressed == 0) {
    log_warning(here.log(), "upstream {} {}: {}: {}", mine.config.name, e.name(), doing, error);
  } else {
    log_warning(here.log(), "upstream {} {}: {}: {} ({} more in the last second)", mine.config.name, e.name(), doing,
                error, *suppressed);
  }
}

std::vector<std::vector<endpoint_look>> tcp_proxy::look(shoal::shard_id here) const {
  std::vector<std::vector<endpoint_look>> made;
  if (is_builtin()) return made;
  for (std::size_t i = 0; i < upstreams_.size(); ++i) {
    auto& endpoints = made.emplace_back(upstreams_[i]->config.endpoints.size());
    if (here >= shards_.size() || i >= shards_[here].size()) continue;  // it has not started yet
    const auto known = shards_[here][i]->group.endpoints();
    std::ranges::transform(known, endpoints.begin(), [](const shoal::endpoint& e) -> endpoint_look {
      return {.up = e.is_up(), .connections = e.active(), .attempts = e.attempts(), .failures = e.failures()};
    });
  }
  return made;
}

void tcp_proxy::record(const session& from, std::uint64_t in, std::uint64_t out, std::string end,
                       std::optional<shoal::duration> first_byte) {
  (*traffic_)[from.shard->id()].add(end, in - from.header_bytes, out);
  if (access_ == nullptr) return;
  access_->write({.listener = listener_.name,
                  .shard = from.shard->id(),
                  .client = from.client,
                  .upstream = from.upstream_name,
                  .endpoint = from.endpoint,
                  .bytes_in = in - from.header_bytes,
                  .bytes_out = out,
                  .ended = from.shard->now(),
                  .took = from.shard->now() - from.since,
                  .connect = from.connect,
                  .first_byte = first_byte,
                  .attempts = from.attempts,
                  .end = std::move(end)});
}

/// The header is for the access record alone, which is written when the connection ends.
shoal::task<> tcp_proxy::open_builtin(shoal::connection& client) {
  auto reading = openings_[client.owner().id()]->read(client);
  auto opened = co_await reading;
  client.set_context(std::move(opened));
}

void tcp_proxy::record_builtin(shoal::connection& client, std::error_code reason) {
  session from{*this, client};
  from.endpoint = "echo";
  std::string end = end_word("client", reason);
  if (auto* opened = client.context<opening>(); opened != nullptr) {
    from.client = opened->client;
    from.header_bytes = opened->header_bytes;
    if (!opened->refused.empty()) end = opened->refused;
  }
  record(from, client.bytes_received(), client.bytes_sent(), std::move(end));
}

}  // namespace proxy
