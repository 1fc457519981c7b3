// SPDX-License-Identifier: Apache-2.0
// The options that every server has, as plain structs. Their initializers are the defaults, each with its reason.
//
// Thread rule: plain values; copied to whoever needs them.
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/net/config/values/address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shoal::config {

inline constexpr std::uint64_t kib = 1024;
inline constexpr std::uint64_t mib = 1024 * kib;

// The process -------------------------------------------------------------------------------------------------------

/// How many shards: one per usable CPU, one per physical core, or a number (D6).
struct shard_count {
  enum class mode : std::uint8_t { automatic, cores, fixed };

  mode how = mode::automatic;
  unsigned count = 0;  ///< fixed: 1 to max_shards

  friend bool operator==(const shard_count&, const shard_count&) = default;
};

enum class pin_mode : std::uint8_t { automatic, on, off };
enum class poller_kind : std::uint8_t { automatic, io_uring, epoll };

/// `idle_spin: forever`.
inline constexpr duration spin_forever = duration::max();

struct runtime_options {
  shard_count shards;
  std::optional<std::vector<unsigned>> cpus;  ///< sorted; unset: all that the process may use
  pin_mode pin = pin_mode::automatic;
  poller_kind poller = poller_kind::automatic;
  duration idle_spin = duration::zero();          ///< busy polling before sleep; zero sleeps at once
  std::optional<std::uint64_t> memory_per_shard;  ///< bytes of slab; unset: min(256 MiB, half the limit / shards)
  std::optional<duration> stall_report = std::chrono::milliseconds{25};  ///< unset: off

  friend bool operator==(const runtime_options&, const runtime_options&) = default;
};

struct shutdown_options {
  duration delay = duration::zero();                  ///< /ready says no, accepting goes on
  duration drain_timeout = std::chrono::seconds{30};  ///< then what is left is closed

  friend bool operator==(const shutdown_options&, const shutdown_options&) = default;
};

enum class log_level : std::uint8_t { debug, info, warn, error };
enum class log_format : std::uint8_t { text, json };

struct log_options {
  log_level level = log_level::info;
  log_format format = log_format::text;

  friend bool operator==(const log_options&, const log_options&) = default;
};

// A listener --------------------------------------------------------------------------------------------------------

/// Which shard serves a new connection.
struct accept_distribution {
  enum class policy : std::uint8_t {
    reuseport,
    incoming_cpu,
    round_robin,
    least_connections,
    random_two,
    source_hash,
    least_busy,
    fixed
  };

  policy how = policy::reuseport;
  unsigned shard = 0;  ///< fixed

  friend bool operator==(const accept_distribution&, const accept_distribution&) = default;
};

enum class rebalance_mode : std::uint8_t { automatic, dry_run, off };

struct accept_options {
  accept_distribution distribution;
  rebalance_mode rebalance = rebalance_mode::automatic;
  std::uint32_t max_connections = 100'000;  ///< of this listener, over all shards; lowered to what files allow
  std::uint32_t backlog = 4096;             ///< connections the kernel queues; capped by net.core.somaxconn

  friend bool operator==(const accept_options&, const accept_options&) = default;
};

/// Unread or unsent bytes per direction of a connection: reading stops above `high` and goes on below `low`.
struct buffer_limits {
  std::uint64_t high = 1 * mib;
  std::uint64_t low = 256 * kib;

  friend bool operator==(const buffer_limits&, const buffer_limits&) = default;
};

/// All are finite: an unset timeout that means "never" is how other proxies run out of memory.
struct listener_timeouts {
  duration idle = std::chrono::seconds{60};            ///< no byte either way, in a tcp connection or a request
  duration half_closed = std::chrono::seconds{30};     ///< one side has finished sending
  duration proxy_header = std::chrono::seconds{5};     ///< for the whole PROXY header
  duration tls_handshake = std::chrono::seconds{10};   ///< for the whole handshake
  duration request_header = std::chrono::seconds{10};  ///< for all of it, not per read
  duration request_body = std::chrono::seconds{60};    ///< between two pieces of it
  duration keep_alive = std::chrono::seconds{75};      ///< between requests
  duration tunnel = std::chrono::hours{1};             ///< no byte either way after a 101

  friend bool operator==(const listener_timeouts&, const listener_timeouts&) = default;
};

struct listener_options {
  std::string name;  ///< for logs, metrics and errors; the first address unless written
  std::vector<socket_address> bind;
  accept_options accept;
  listener_timeouts timeouts;
  buffer_limits buffers;

  friend bool operator==(const listener_options&, const listener_options&) = default;
};

}  // namespace shoal::config
