// SPDX-License-Identifier: Apache-2.0
// The configuration of shoal-proxy as plain structs, complete for all keys of docs/configuration.md. Initializers are
// the defaults. load_proxy_config() ("config_load.hpp") fills it; nothing in it is checked again later.
//
// Thread rule: a plain value; shared between shards only as const.
// Invariants of a loaded configuration: names are unique and not empty; every upstream that is referred to exists; each
// listener has a target (`upstream`, `sni` or `routes`); each upstream has endpoints or is built in; buffers.low <=
// buffers.high; file names are absolute.
#pragma once

#include <shoal/net/config/options.hpp>
#include <shoal/net/config/values/address.hpp>
#include <shoal/net/config/values/rate.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shoal::config {

/// Names with their values, in the order of the file.
using text_map = std::vector<std::pair<std::string, std::string>>;

struct process_options {
  std::string user;      ///< empty: stays who started it
  std::string group;     ///< empty: the user's
  std::string pid_file;  ///< empty: none

  friend bool operator==(const process_options&, const process_options&) = default;
};

struct access_log_options {
  std::string path = "-";       ///< "-": standard output
  std::string format = "text";  ///< text, json, common, combined, or a format string

  friend bool operator==(const access_log_options&, const access_log_options&) = default;
};

struct admin_options {
  socket_address bind;

  friend bool operator==(const admin_options&, const admin_options&) = default;
};

struct default_options {
  buffer_limits buffers;

  friend bool operator==(const default_options&, const default_options&) = default;
};

// Routes ------------------------------------------------------------------------------------------------------------

/// What a request must be for its route; an empty member asks for nothing.
struct route_match {
  std::string host;         ///< "api.example.com", or "*.example.com" for all names below it
  std::string path;         ///< the whole path
  std::string path_prefix;  ///< whole segments: /v1 takes /v1 and /v1/users, not /v10
  std::string path_regex;
  std::vector<std::string> method;
  text_map headers;
  text_map query;
  std::vector<network> source;

  friend bool operator==(const route_match&, const route_match&) = default;
};

struct respond_options {
  unsigned status = 200;
  std::string body;
  text_map headers;

  friend bool operator==(const respond_options&, const respond_options&) = default;
};

struct redirect_options {
  std::string to;
  unsigned status = 308;

  friend bool operator==(const redirect_options&, const redirect_options&) = default;
};

struct weighted_upstream {
  std::string name;
  unsigned weight = 1;

  friend bool operator==(const weighted_upstream&, const weighted_upstream&) = default;
};

struct rewrite_options {
  std::string strip_prefix;
  std::string add_prefix;
  std::string host;

  friend bool operator==(const rewrite_options&, const rewrite_options&) = default;
};

struct header_edits {
  text_map set;
  text_map add;
  std::vector<std::string> remove;

  friend bool operator==(const header_edits&, const header_edits&) = default;
};

struct route_timeouts {
  std::optional<duration> request;  ///< unset: none, because it would break streams

  friend bool operator==(const route_timeouts&, const route_timeouts&) = default;
};

struct retry_options {
  unsigned attempts = 2;                                 ///< besides the first
  std::vector<std::string> retry_on{"connect_failure"};  ///< connect_failure, reset, response_timeout, or a status
  std::optional<duration> per_try_timeout;
  unsigned budget = 20;  ///< percent of requests that may be retries

  friend bool operator==(const retry_options&, const retry_options&) = default;
};

struct rate_limit_options {
  config::rate rate;
  std::uint64_t burst = 1;
  std::string key = "source_ip";  ///< source_ip, or header:NAME

  friend bool operator==(const rate_limit_options&, const rate_limit_options&) = default;
};

enum class compression : std::uint8_t { gzip };

/// One rule of an http listener. Exactly one of respond, redirect, upstream and upstreams is set.
struct route_config {
  route_match match;
  std::optional<respond_options> respond;
  std::optional<redirect_options> redirect;
  std::string upstream;
  std::vector<weighted_upstream> upstreams;
  rewrite_options rewrite;
  header_edits request_headers;
  header_edits response_headers;
  route_timeouts timeouts;
  std::optional<retry_options> retry;
  std::optional<rate_limit_options> rate_limit;
  std::vector<compression> compress;

  friend bool operator==(const route_config&, const route_config&) = default;
};

// Listeners ---------------------------------------------------------------------------------------------------------

enum class listener_protocol : std::uint8_t { tcp, http };
enum class proxy_protocol_in : std::uint8_t { off, accept, require };

struct request_limits {
  std::uint64_t header_bytes = 64 * kib;
  std::uint32_t headers = 100;
  std::uint64_t request_line = 16 * kib;
  std::optional<std::uint64_t> body;  ///< unset: unlimited; it is streamed

  friend bool operator==(const request_limits&, const request_limits&) = default;
};

struct certificate {
  std::string cert;
  std::string key;

  friend bool operator==(const certificate&, const certificate&) = default;
};

enum class tls_version : std::uint8_t { tls_1_2, tls_1_3 };

struct server_tls {
  std::vector<certificate> certificates;  ///< chosen by SNI
  tls_version min_version = tls_version::tls_1_2;
  std::string client_ca;  ///< clients must show a certificate that it signed

  friend bool operator==(const server_tls&, const server_tls&) = default;
};

struct listener_config : listener_options {
  listener_protocol protocol = listener_protocol::tcp;
  proxy_protocol_in proxy_protocol = proxy_protocol_in::off;
  request_limits limits;
  std::optional<server_tls> tls;
  std::string upstream;              ///< tcp
  text_map sni;                      ///< tcp: server name ("*" for the rest) to upstream
  std::vector<route_config> routes;  ///< http: first match wins

  friend bool operator==(const listener_config&, const listener_config&) = default;
};

// Upstreams ---------------------------------------------------------------------------------------------------------

enum class balance_policy : std::uint8_t {
  round_robin,
  random,
  random_two,
  least_connections,
  least_requests,
  ring_hash,
  maglev,
  source_hash
};

enum class builtin_endpoint : std::uint8_t { echo, hello };

/// Exactly one of address, dns and srv is set.
struct endpoint_config {
  std::optional<socket_address> address;
  std::optional<host_port> dns;
  std::string srv;
  unsigned weight = 1;
  std::optional<duration> refresh;  ///< dns, srv: look it up again at least this often; unset: as its TTL says

  friend bool operator==(const endpoint_config&, const endpoint_config&) = default;
};

struct sticky_options {
  std::string cookie;

  friend bool operator==(const sticky_options&, const sticky_options&) = default;
};

enum class health_check_type : std::uint8_t { tcp, http };

/// From `least` to `most`.
struct status_range {
  unsigned least = 200;
  unsigned most = 399;

  friend bool operator==(const status_range&, const status_range&) = default;
};

struct health_check_options {
  health_check_type type = health_check_type::tcp;
  std::string path = "/";  ///< http
  std::string host;        ///< http; empty: the endpoint's address
  status_range status;     ///< http
  duration interval = std::chrono::seconds{5};
  duration timeout = std::chrono::seconds{1};
  unsigned rise = 2;
  unsigned fall = 3;

  friend bool operator==(const health_check_options&, const health_check_options&) = default;
};

struct outlier_options {
  unsigned consecutive_failures = 5;
  duration base_ejection_time = std::chrono::seconds{30};
  unsigned max_ejection_percent = 50;

  friend bool operator==(const outlier_options&, const outlier_options&) = default;
};

struct upstream_limits {
  std::optional<std::uint32_t> max_connections;  ///< unset: the sum of the listeners' max_connections
  std::uint32_t max_pending = 1024;
  duration queue_timeout = std::chrono::seconds{5};
  std::uint32_t max_requests_per_connection = 0;  ///< 0: unlimited

  friend bool operator==(const upstream_limits&, const upstream_limits&) = default;
};

struct upstream_timeouts {
  duration connect = std::chrono::seconds{5};           ///< over all attempts
  duration response_header = std::chrono::seconds{60};  ///< then 504
  std::optional<duration> idle;                         ///< unset: the listener's (tcp), or 60 s (http)

  friend bool operator==(const upstream_timeouts&, const upstream_timeouts&) = default;
};

struct client_tls {
  bool verify = true;
  std::string ca;  ///< empty: the system's
  std::string server_name;
  std::string cert;
  std::string key;

  friend bool operator==(const client_tls&, const client_tls&) = default;
};

enum class proxy_protocol_out : std::uint8_t { off, v1, v2 };

struct upstream_config {
  std::string name;
  balance_policy balance = balance_policy::random_two;
  std::string hash_on = "source_ip";                  ///< source_ip, header:NAME, cookie:NAME or path
  std::optional<unsigned> hash_balance_factor = 150;  ///< ring_hash, maglev: most of its fair share, in percent
  std::optional<sticky_options> sticky;
  std::vector<endpoint_config> endpoints;
  std::optional<builtin_endpoint> builtin;
  unsigned connect_attempts = 3;
  unsigned panic_threshold = 0;  ///< percent that must be up for health to count
  std::optional<duration> slow_start;
  std::optional<health_check_options> health_check;
  std::optional<outlier_options> outlier_detection;
  upstream_limits limits;
  upstream_timeouts timeouts;
  std::optional<client_tls> tls;
  proxy_protocol_out proxy_protocol = proxy_protocol_out::off;

  friend bool operator==(const upstream_config&, const upstream_config&) = default;
};

// The file ----------------------------------------------------------------------------------------------------------

struct proxy_config {
  runtime_options runtime;
  process_options process;
  shutdown_options shutdown;
  log_options log;
  std::optional<access_log_options> access_log;
  std::optional<admin_options> admin;
  std::vector<network> trusted_proxies;
  default_options defaults;
  std::vector<listener_config> listeners;
  std::vector<upstream_config> upstreams;

  friend bool operator==(const proxy_config&, const proxy_config&) = default;
};

}  // namespace shoal::config
