// SPDX-License-Identifier: Apache-2.0
#include "proxy/convert.hpp"

#include <shoal/buffers/check.hpp>

#include <csignal>

namespace proxy {
namespace {

namespace config = shoal::config;

shoal::shard_request to_shard_request(const config::runtime_options& from) {
  shoal::shard_request made;
  switch (from.shards.how) {
    case config::shard_count::mode::automatic: made.shards = shoal::shard_request::automatic; break;
    case config::shard_count::mode::cores: made.shards = shoal::shard_request::cores; break;
    case config::shard_count::mode::fixed: made.shards = from.shards.count; break;
  }
  if (from.cpus) made.cpus = *from.cpus;
  switch (from.pin) {
    case config::pin_mode::automatic: made.pin = shoal::pin_mode::automatic; break;
    case config::pin_mode::on: made.pin = shoal::pin_mode::on; break;
    case config::pin_mode::off: made.pin = shoal::pin_mode::off; break;
  }
  made.memory_per_shard = from.memory_per_shard.value_or(0);
  return made;
}

shoal::poller_kind to_poller_kind(config::poller_kind from) {
  switch (from) {
    case config::poller_kind::automatic: return shoal::poller_kind::automatic;
    case config::poller_kind::io_uring: return shoal::poller_kind::io_uring;
    case config::poller_kind::epoll: return shoal::poller_kind::epoll;
  }
  return shoal::poller_kind::automatic;
}

shoal::log_level to_log_level(config::log_level from) {
  switch (from) {
    case config::log_level::debug: return shoal::log_level::debug;
    case config::log_level::info: return shoal::log_level::info;
    case config::log_level::warn: return shoal::log_level::warning;
    case config::log_level::error: return shoal::log_level::error;
  }
  return shoal::log_level::info;
}

shoal::balance_policy to_policy(config::balance_policy from) {
  switch (from) {
    case config::balance_policy::round_robin: return shoal::balance_policy::round_robin;
    case config::balance_policy::random: return shoal::balance_policy::random;
    case config::balance_policy::least_connections: return shoal::balance_policy::least_connections;
    case config::balance_policy::random_two: return shoal::balance_policy::random_two;
    case config::balance_policy::ring_hash: return shoal::balance_policy::ring_hash;
    case config::balance_policy::maglev: return shoal::balance_policy::maglev;
    case config::balance_policy::source_hash: return shoal::balance_policy::source_hash;
    default: break;
  }
  SHOAL_CHECK(false, "a balance policy that validation should have refused");
  return shoal::balance_policy::random_two;
}

}  // namespace

shoal::runtime_options to_runtime_options(const config::proxy_config& from) {
  shoal::runtime_options made;
  made.shards = to_shard_request(from.runtime);
  made.poller = to_poller_kind(from.runtime.poller);
  made.idle_spin = from.runtime.idle_spin;
  made.stall.report = from.runtime.stall_report.value_or(shoal::duration::zero());
  made.stall.signal = SIGURG;  // ours to lend: nobody else in this program wants urgent data
  made.stop_delay = from.shutdown.delay;
  made.drain_timeout = from.shutdown.drain_timeout;
  made.log.level = to_log_level(from.log.level);
  made.log.style = from.log.format == config::log_format::json ? shoal::log_style::json : shoal::log_style::text;
  return made;
}

shoal::rebalance_mode to_rebalance(config::rebalance_mode from) {
  switch (from) {
    case config::rebalance_mode::off: return shoal::rebalance_mode::off;
    case config::rebalance_mode::dry_run: return shoal::rebalance_mode::dry_run;
    case config::rebalance_mode::automatic: return shoal::rebalance_mode::automatic;
  }
  return shoal::rebalance_mode::off;
}

shoal::accept_distribution to_distribution(const config::accept_distribution& from) {
  using policy = config::accept_distribution::policy;
  switch (from.how) {
    case policy::reuseport: return shoal::accept_distribution::reuseport;
    case policy::incoming_cpu: return shoal::accept_distribution::incoming_cpu;
    case policy::round_robin: return shoal::accept_distribution::round_robin;
    case policy::least_connections: return shoal::accept_distribution::least_connections;
    case policy::random_two: return shoal::accept_distribution::random_two;
    case policy::source_hash: return shoal::accept_distribution::source_hash;
    case policy::least_busy: return shoal::accept_distribution::least_busy;
    case policy::fixed: return shoal::accept_distribution::fixed(static_cast<shoal::shard_id>(from.shard));
  }
  return shoal::accept_distribution::reuseport;
}

shoal::connection_options to_connection_options(const config::listener_config& from) {
  shoal::connection_options made;
  made.input = made.output = {.high = from.buffers.high, .low = from.buffers.low};
  made.max_receive = from.buffers.high;
  made.timeouts.idle = from.timeouts.idle;
  made.timeouts.half_closed = from.timeouts.half_closed;
  made.timeouts.write = from.timeouts.idle;
  return made;
}

shoal::upstream_options to_upstream_options(const config::upstream_config& from) {
  shoal::upstream_options made;
  made.name = from.name;
  for (const auto& e : from.endpoints) {
    SHOAL_CHECK(e.address.has_value(), "an endpoint without an address, which validation should have refused");
    auto where = shoal::parse_address(e.address->text());
    SHOAL_CHECK(where.has_value(), "an endpoint's address that validation should have refused");
    made.endpoints.push_back({.where = *where, .weight = e.weight, .name = {}});
  }
  made.balance = to_policy(from.balance);
  made.hash_balance_factor = from.hash_balance_factor.value_or(0);
  made.panic_threshold = from.panic_threshold;
  made.slow_start = from.slow_start.value_or(shoal::duration::zero());
  made.connect_attempts = from.connect_attempts;
  made.connect_timeout = from.timeouts.connect;
  return made;
}

shoal::upstream_health_options to_health_options(const config::upstream_config& from) {
  shoal::upstream_health_options made;
  made.name = from.name;
  made.endpoints = to_upstream_options(from).endpoints;
  if (const auto& asked = from.health_check) {
    auto& check = made.check.emplace();
    const bool is_http = asked->type == config::health_check_type::http;
    check.kind = is_http ? shoal::health_check_kind::http : shoal::health_check_kind::tcp;
    check.path = asked->path;
    check.host = asked->host;
    check.least_status = asked->status.least;
    check.most_status = asked->status.most;
    check.interval = asked->interval;
    check.timeout = asked->timeout;
    check.rise = asked->rise;
    check.fall = asked->fall;
    if (from.proxy_protocol == config::proxy_protocol_out::v1) check.announce = shoal::proxy_version::v1;
    if (from.proxy_protocol == config::proxy_protocol_out::v2) check.announce = shoal::proxy_version::v2;
  }
  if (const auto& asked = from.outlier_detection) {
    made.outlier = shoal::outlier_options{.consecutive_failures = asked->consecutive_failures,
                                          .base_ejection_time = asked->base_ejection_time,
                                          .max_ejection_percent = asked->max_ejection_percent};
  }
  return made;
}

shoal::upstream_limit_options to_limit_options(const config::upstream_config& from) {
  return {.max_connections = from.limits.max_connections.value_or(1),
          .max_pending = from.limits.max_pending,
          .queue_timeout = from.limits.queue_timeout};
}

}  // namespace proxy
