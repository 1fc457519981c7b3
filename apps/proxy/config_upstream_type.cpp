// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_types.hpp"
#include <shoal/net/config/composite_types.hpp>
#include <shoal/net/config/option_types.hpp>
#include <shoal/net/config/scalar_types.hpp>

#include <fmt/format.h>

#include <expected>
#include <string_view>

namespace shoal::config {
namespace {

constexpr std::size_t most_endpoints = 4096;
constexpr unsigned highest_weight = 256;
constexpr unsigned most_attempts = 16;
constexpr unsigned least_factor = 100;
constexpr unsigned highest_factor = 10'000;
constexpr std::uint32_t most_connections = 10'000'000;

type<endpoint_config> endpoint_type() {
  using e = endpoint_config;
  const auto address = scalar<socket_address>({.words = "address", .example = "10.0.0.1:9000", .is_text = true},
                                              parse_endpoint, [](const socket_address& value) { return value.text(); });
  const auto name = scalar<host_port>({.words = "`name:port`", .example = "api.svc:9000", .is_text = true},
                                      parse_host_port, [](const host_port& value) { return value.text(); });
  const auto service =
      text("service", "_api._tcp.svc", [](std::string_view srv) -> std::expected<std::string, problem> {
        if (srv.starts_with('_') && is_host_name(srv)) return std::string(srv);
        return std::unexpected(
            problem{fmt::format("{} is not the name of a service", in_quotes(srv)), "write `_api._tcp.svc`"});
      });
  return shorthand(
      "address",
      object<e>(
          "endpoint",
          {field("address", &e::address, optional(address), "`host:port`, `[::1]:port` or `unix:/path`"),
           field("weight", &e::weight, number<unsigned>(1, highest_weight), "Its share, against the other weights"),
           field("dns", &e::dns, optional(name), "Every address that this name has").not_yet(),
           field("srv", &e::srv, service, "Every address and port that this SRV record has").not_yet(),
           field("refresh", &e::refresh, optional(optional_timeout_type("10s")),
                 "Look `dns` or `srv` up again at least this often")
               .not_yet()
               .default_is("as their TTL says")}));
}

type<upstream_limits> limits_type() {
  using l = upstream_limits;
  return object<l>(
      "upstream_limits",
      {field("max_connections", &l::max_connections, word_or("auto", number<std::uint32_t>(1, most_connections)),
             "Most connections to all endpoints together, over all shards. `auto`: the sum of the listeners' "
             "`max_connections`"),
       field("max_pending", &l::max_pending, number<std::uint32_t>(0, most_connections),
             "Clients that may wait for a connection, over all shards; `0`: none. More are closed at once"),
       field("queue_timeout", &l::queue_timeout, timeout_type("5s"), "How long they wait; then they are closed"),
       field("max_requests_per_connection", &l::max_requests_per_connection, number<std::uint32_t>(0, most_connections),
             "Requests before a connection is closed; `0`: no limit")
           .not_yet()});
}

type<upstream_timeouts> timeouts_type() {
  using t = upstream_timeouts;
  return object<t>(
      "upstream_timeouts",
      {field("connect", &t::connect, timeout_type("5s"), "For all connect attempts together"),
       field("response_header", &t::response_header, timeout_type("60s"),
             "From the end of a request to the headers of its response. Then 504")
           .not_yet(),
       field("idle", &t::idle, word_or("auto", optional_timeout_type("60s")),
             "No byte either way. `auto`: the listener's `idle` for tcp, `60s` for pooled http connections. For "
             "tcp the shorter one counts")});
}

type<client_tls> tls_type() {
  using t = client_tls;
  return object<t>(
      "upstream_tls",
      {field("verify", &t::verify, one_of<bool>({{"on", true}, {"off", false}}), "Check the endpoint's certificate"),
       field("ca", &t::ca, file_type("certs/ca.pem"), "Who must have signed it").default_is("the system's"),
       field("server_name", &t::server_name, text("name", "api.internal"), "The name to ask for and to check"),
       field("cert", &t::cert, file_type("certs/client.pem"), "The certificate to show (mutual TLS)"),
       field("key", &t::key, file_type("certs/client.key"), "Its private key")});
}

type<balance_policy> balance_type() {
  return one_of<balance_policy>({{"round_robin", balance_policy::round_robin},
                                 {"random", balance_policy::random},
                                 {"random_two", balance_policy::random_two},
                                 {"least_connections", balance_policy::least_connections},
                                 {"least_requests", balance_policy::least_requests},
                                 {"ring_hash", balance_policy::ring_hash},
                                 {"maglev", balance_policy::maglev},
                                 {"source_hash", balance_policy::source_hash}});
}

}  // namespace

type<upstream_config> upstream_type() {
  using u = upstream_config;
  const auto builtin = one_of<builtin_endpoint>({{"echo", builtin_endpoint::echo}, {"hello", builtin_endpoint::hello}});
  const auto proxy_protocol = one_of<proxy_protocol_out>(
      {{"off", proxy_protocol_out::off}, {"v1", proxy_protocol_out::v1}, {"v2", proxy_protocol_out::v2}});
  const auto sticky = object<sticky_options>(
      "sticky",
      {field("cookie", &sticky_options::cookie, text("name", "srv"), "The cookie that names the endpoint").required()});
  return object<u>(
      "upstream",
      {field("name", &u::name, upstream_name_type(), "What listeners call it").required(),
       field("endpoints", &u::endpoints, list(endpoint_type(), 1, most_endpoints),
             "The servers. One address, or keys for more than that"),
       field("builtin", &u::builtin, optional(builtin),
             "A server inside the proxy, for a first try: `echo` for tcp, `hello` for http")
           .today_only({"echo"}),
       field("balance", &u::balance, balance_type(),
             "Which endpoint gets a connection. `random_two`: the less busy of two drawn at random. `ring_hash`, "
             "`maglev` and `source_hash` send a client where it went before")
           .today_only(
               {"random_two", "random", "round_robin", "least_connections", "ring_hash", "maglev", "source_hash"}),
       field("hash_on", &u::hash_on, selector_type({"source_ip", "path"}, {"header:", "cookie:"}),
             "What `ring_hash` and `maglev` hash. `source_hash`: always `source_ip`")
           .today_only({"source_ip"}),
       field("hash_balance_factor", &u::hash_balance_factor, word_or("off", percent(least_factor, highest_factor)),
             "`ring_hash` and `maglev`: an endpoint gets at most this part of its fair share of connections; then the "
             "next one does"),
       field("sticky", &u::sticky, word_or("off", sticky), "Keep a client on its endpoint").not_yet(),
       field("connect_attempts", &u::connect_attempts, number<unsigned>(1, most_attempts),
             "Endpoints to try, within `timeouts.connect`; no byte was sent before"),
       field("slow_start", &u::slow_start, word_or("off", optional_timeout_type("30s")),
             "An endpoint that comes up begins with a tenth of its share and has all of it after this"),
       field("panic_threshold", &u::panic_threshold, percent(),
             "While fewer endpoints than this are up, all get connections. `0%`: who is down gets none, and with all "
             "down clients are closed at once"),
       field("health_check", &u::health_check, word_or("off", checks_type()), "Ask endpoints how they are"),
       field("outlier_detection", &u::outlier_detection, word_or("off", outlier_type()),
             "Leave out endpoints that fail their clients"),
       field("limits", &u::limits, limits_type(), "Of the whole process"),
       field("timeouts", &u::timeouts, timeouts_type(), "Each is finite"),
       field("tls", &u::tls, word_or("off", tls_type()), "Speak TLS to endpoints").not_yet(),
       field("proxy_protocol", &u::proxy_protocol, proxy_protocol,
             "The PROXY header to send first. `v2` passes on the TLVs of the client's own header")});
}

}  // namespace shoal::config
