// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_types.hpp"
#include "tests/config/fixtures.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace shoal::config {
namespace {

using namespace std::chrono_literals;
using test::errors_of;
using test::from_the_future;
using test::good;
using test::with_listener;
using test::with_upstream;

constexpr std::string_view http_front =
    "listeners: [ { name: web, bind: \"127.0.0.1:1\", protocol: http, routes: [ { upstream: demo } ] } ]\n";

// The object called `name`, somewhere in a description.
const value_type* find_object(const value_type& from, std::string_view name) {
  if (from.what() == value_type::kind::object && from.name() == name) return &from;
  if (from.element() != nullptr) {
    if (const value_type* const found = find_object(*from.element(), name)) return found;
  }
  for (const key& k : from.keys()) {
    if (const value_type* const found = find_object(*k.type, name)) return found;
  }
  return nullptr;
}

// True if `path` ("accept.backlog") names a key below `object`, through lists.
bool has_path(const value_type* object, std::string_view path) {
  while (object->what() != value_type::kind::object) {
    object = object->element();
    if (object == nullptr) return false;
  }
  const std::string_view name = path.substr(0, path.find('.'));
  for (const key& k : object->keys()) {
    if (k.name == name) return name == path || has_path(k.type.get(), path.substr(name.size() + 1));
  }
  return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(proxy_file)

BOOST_AUTO_TEST_CASE(the_smallest_useful_one_has_defaults_for_all_the_rest) {
  const proxy_config config = good(with_listener("bind: \"127.0.0.1:7000\", upstream: demo"));
  const listener_config& listener = config.listeners.at(0);
  BOOST_TEST(listener.name == "127.0.0.1:7000");
  BOOST_TEST((listener.protocol == listener_protocol::tcp));
  BOOST_TEST((listener.accept == accept_options{}));
  BOOST_TEST(listener.accept.max_connections == 100'000U);
  BOOST_TEST(listener.accept.backlog == 4096U);
  BOOST_TEST((listener.timeouts.idle == 60s && listener.timeouts.half_closed == 30s));
  BOOST_TEST(listener.buffers.high == 1048576U);
  BOOST_TEST(listener.buffers.low == 262144U);
  BOOST_TEST(!config.access_log.has_value());
  BOOST_TEST((config.shutdown.delay == 0s && config.shutdown.drain_timeout == 30s));
  const upstream_config& upstream = config.upstreams.at(0);
  BOOST_TEST((upstream.balance == balance_policy::random_two && upstream.builtin == builtin_endpoint::echo));
  BOOST_TEST((upstream.timeouts.connect == 5s && !upstream.timeouts.idle && upstream.connect_attempts == 3));
}

BOOST_AUTO_TEST_CASE(everything_that_works_today_arrives) {
  const proxy_config config = good(R"(
runtime: { shards: 2, cpus: "0-1", pin: true, poller: epoll, idle_spin: 50us, memory_per_shard: 64MiB }
shutdown: { delay: 1s, drain_timeout: 2m }
log: { level: warn, format: text }
access_log: { path: logs/access.log, format: text }
defaults: { buffers: { high: 512KiB, low: 64KiB } }
listeners:
  - name: front
    bind: [ "127.0.0.1:0", "[::1]:0", "unix:/run/front.sock" ]
    protocol: tcp
    accept: { distribution: round_robin, rebalance: off, max_connections: 10, backlog: 20 }
    timeouts: { idle: 10m, half_closed: 1s, proxy_header: 2s }
    proxy_protocol: require
    buffers: { high: 2MiB }
    upstream: db
  - { name: other, bind: "127.0.0.1:7001", upstream: db }
upstreams:
  - name: db
    balance: least_connections
    endpoints: [ "10.0.0.1:5432", { address: "[::1]:5432", weight: 3 }, "unix:/run/db.sock" ]
    connect_attempts: 2
    timeouts: { connect: 3s, idle: 1h }
    proxy_protocol: v2
)");
  BOOST_TEST((config.runtime.shards == shard_count{.how = shard_count::mode::fixed, .count = 2}));
  BOOST_TEST((config.runtime.cpus == std::vector<unsigned>{0, 1}));
  BOOST_TEST((config.runtime.pin == pin_mode::on && config.runtime.poller == poller_kind::epoll));
  BOOST_TEST((config.runtime.idle_spin == 50us && config.runtime.memory_per_shard == 64 * mib));
  BOOST_TEST((config.log.level == log_level::warn));
  BOOST_TEST_REQUIRE(config.access_log.has_value());
  BOOST_TEST(config.access_log->path.ends_with("/logs/access.log"));
  BOOST_TEST(config.access_log->path.starts_with("/"));
  const listener_config& front = config.listeners.at(0);
  BOOST_TEST(front.bind.size() == 3U);
  BOOST_TEST((front.accept.distribution.how == accept_distribution::policy::round_robin));
  BOOST_TEST((front.buffers == buffer_limits{.high = 2 * mib, .low = 64 * kib}));
  BOOST_TEST((front.proxy_protocol == proxy_protocol_in::require && front.timeouts.proxy_header == 2s));
  BOOST_TEST((config.listeners.at(1).buffers == config.defaults.buffers));
  BOOST_TEST((config.listeners.at(1).proxy_protocol == proxy_protocol_in::off));
  const upstream_config& db = config.upstreams.at(0);
  BOOST_TEST_REQUIRE(db.endpoints.size() == 3U);
  BOOST_TEST(db.endpoints[1].address->text() == "[::1]:5432");
  BOOST_TEST(db.endpoints[1].weight == 3U);
  BOOST_TEST((db.timeouts.idle == 1h && db.timeouts.connect == 3s));
  BOOST_TEST((db.proxy_protocol == proxy_protocol_out::v2));
}

BOOST_AUTO_TEST_CASE(a_low_mark_follows_its_high_mark) {
  const auto low = [](std::string_view buffers) {
    return good(with_listener("bind: \"127.0.0.1:0\", upstream: demo, buffers: " + std::string(buffers)))
        .listeners[0]
        .buffers.low;
  };
  BOOST_TEST(low("{ high: 64KiB }") == 16 * kib);
  BOOST_TEST(low("{ high: 8MiB }") == 256 * kib);
  BOOST_TEST(low("{ low: 512KiB }") == 512 * kib);
  BOOST_TEST(errors_of(with_listener("bind: \"127.0.0.1:0\", upstream: demo, buffers: { high: 64KiB, low: 128KiB }"))
                 .contains("listeners[0].buffers.low: is above `high`"));
}

BOOST_AUTO_TEST_CASE(words_take_the_shapes_of_the_manual) {
  const auto runtime = [](std::string_view keys) {
    return good("runtime: { " + std::string(keys) + " }\n" + with_listener("bind: \"127.0.0.1:0\", upstream: demo"))
        .runtime;
  };
  BOOST_TEST((runtime("shards: cores").shards.how == shard_count::mode::cores));
  BOOST_TEST((runtime("pin: false").pin == pin_mode::off));
  BOOST_TEST((runtime("idle_spin: forever").idle_spin == spin_forever));
  BOOST_TEST((runtime("idle_spin: 0").idle_spin == 0s));
  BOOST_TEST((runtime("cpus: 3").cpus == std::vector<unsigned>{3}));
  BOOST_TEST((runtime("stall_report: false").stall_report == std::nullopt));
}

BOOST_AUTO_TEST_CASE(shards_and_cpus_must_go_together) {
  const auto errors = [](std::string_view keys) {
    return errors_of("runtime: { " + std::string(keys) + " }\n" +
                     with_listener("bind: \"127.0.0.1:0\", upstream: demo"));
  };
  BOOST_TEST(errors("cpus: 0-1, pin: off").contains("runtime.pin: `cpus` is written, and written it pins"));
  BOOST_TEST(errors("cpus: 0-1, shards: 3").contains("runtime.shards: 3 shards don't fit on the 2 CPUs of `cpus`"));
  BOOST_TEST(errors("cpus: 0-1, shards: 2") == "");
}

BOOST_AUTO_TEST_CASE(a_listener_knows_where_connections_go) {
  BOOST_TEST(errors_of(with_listener("bind: \"127.0.0.1:0\"")).contains("listeners[0]: `upstream` is missing"));
  BOOST_TEST(errors_of("listeners: []\n").contains("listeners: 0 items"));
  BOOST_TEST(errors_of("upstreams: []\n").contains("(file): `listeners` is missing"));
  BOOST_TEST(errors_of(with_listener("bind: \"127.0.0.1:0\", upstream: demo, sni: { a.b: demo }"))
                 .contains("listeners[0].sni: `upstream` is given too"));
  BOOST_TEST(errors_of(with_listener("bind: \"127.0.0.1:0\", sni: { \"*\": nowhere }"))
                 .contains("listeners[0].sni.*: unknown upstream `nowhere`"));
}

BOOST_AUTO_TEST_CASE(server_names_lead_to_servers_with_tls) {
  const auto with_names = [](std::string_view names) {
    return "listeners: [ { bind: \"127.0.0.1:0\", sni: " + std::string(names) +
           ", timeouts: { tls_handshake: 3s } } ]\nupstreams: [ { name: db, endpoints: [ \"10.0.0.1:1\" ] }, { name: "
           "demo, "
           "builtin: echo } ]\n";
  };
  const listener_config front =
      good(with_names("{ DB.example.com: db, \"*.example.com\": db, \"*\": db }")).listeners.at(0);
  BOOST_TEST((front.sni == text_map{{"DB.example.com", "db"}, {"*.example.com", "db"}, {"*", "db"}}));
  BOOST_TEST((front.timeouts.tls_handshake == 3s));
  BOOST_TEST(errors_of(with_names("{ a.b: db, A.B: db }")).contains("listeners[0].sni.A.B: the same name as `a.b`"));
  BOOST_TEST(errors_of(with_names("{ a.b: demo }")).contains("listeners[0].sni.a.b: `demo` is built in"));
  for (const char* const bad : {"*b.example.com", "a.*.com", "a b", "**", "10.0.0.1:443"}) {
    BOOST_TEST(errors_of(with_names("{ \"" + std::string(bad) + "\": db }")).contains("can't be the name of a server"),
               bad);
  }
}

BOOST_AUTO_TEST_CASE(keys_for_requests_need_http) {
  const std::string errors = errors_of(
      with_listener("bind: \"127.0.0.1:0\", upstream: demo, timeouts: { tunnel: 1h }, limits: { headers: 5 }"),
      from_the_future());
  BOOST_TEST(errors ==
             "x.yaml:1:65: listeners[0].timeouts.tunnel: needs `protocol: http`, and this is tcp (a tcp connection has "
             "no requests: "
             "remove the key)\n"
             "x.yaml:1:79: listeners[0].limits: needs `protocol: http`, and this is tcp (a tcp connection has no "
             "requests: remove the "
             "key)\n");
  BOOST_TEST(
      errors_of(with_listener("bind: \"127.0.0.1:0\", protocol: http, upstream: demo, routes: [ { upstream: demo } ]"),
                from_the_future())
          .contains("listeners[0].upstream: needs `protocol: tcp`, and this is http"));
}

BOOST_AUTO_TEST_CASE(a_builtin_upstream_speaks_one_protocol) {
  BOOST_TEST(errors_of(std::string(http_front) + "upstreams: [ { name: demo, builtin: echo } ]\n", from_the_future())
                 .contains("listeners[0].routes[0].upstream: `demo` is `builtin: echo`, which speaks tcp"));
  BOOST_TEST(
      errors_of(std::string(http_front) + "upstreams: [ { name: demo, builtin: hello } ]\n", from_the_future()) == "");
}

BOOST_AUTO_TEST_CASE(an_upstream_has_endpoints_or_is_built_in) {
  BOOST_TEST(errors_of(with_upstream("balance: round_robin")).contains("upstreams[0]: `endpoints` is missing"));
  BOOST_TEST(errors_of(with_upstream("builtin: echo, endpoints: [ \"10.0.0.1:1\" ]"))
                 .contains("upstreams[0].builtin: `endpoints` is given too"));
  BOOST_TEST(errors_of(with_upstream("endpoints: []")).contains("upstreams[0].endpoints: 0 items"));
  BOOST_TEST(errors_of(with_upstream("endpoints: [ { weight: 1 } ]")).contains("endpoints[0]: `address` is missing"));
  BOOST_TEST(errors_of(with_upstream("endpoints: [ { address: \"10.0.0.1:1\", dns: \"a:1\" } ]"), from_the_future())
                 .contains("endpoints[0].dns: `address` is given too"));
}

BOOST_AUTO_TEST_CASE(hashing_and_what_bends_the_shares) {
  const auto usual = good(with_upstream("endpoints: [ \"10.0.0.1:1\" ], balance: maglev")).upstreams.at(0);
  BOOST_TEST((usual.hash_on == "source_ip" && usual.hash_balance_factor == 150U));
  BOOST_TEST((usual.panic_threshold == 0U && !usual.slow_start.has_value()));
  const auto written = good(with_upstream("endpoints: [ \"10.0.0.1:1\" ], balance: ring_hash, hash_on: source_ip, "
                                          "hash_balance_factor: 125%, panic_threshold: 30%, slow_start: 1m"))
                           .upstreams.at(0);
  BOOST_TEST((written.balance == balance_policy::ring_hash && written.hash_balance_factor == 125U));
  BOOST_TEST((written.panic_threshold == 30U && written.slow_start == 1min));
  BOOST_TEST(!good(with_upstream("endpoints: [ \"10.0.0.1:1\" ], hash_balance_factor: off"))
                  .upstreams.at(0)
                  .hash_balance_factor.has_value());
  BOOST_TEST(errors_of(with_upstream("endpoints: [ \"10.0.0.1:1\" ], hash_balance_factor: 99%"))
                 .contains("`99%` is not a percentage for this key (whole percents from `100%` to `10000%`)"));
  BOOST_TEST(errors_of(with_upstream("endpoints: [ \"10.0.0.1:1\" ], balance: maglev, hash_on: path"))
                 .contains("hash_on: `path` is not yet supported (today: `source_ip`)"));
  BOOST_TEST(
      errors_of(with_upstream("endpoints: [ \"10.0.0.1:1\" ], balance: source_hash, hash_on: path"), from_the_future())
          .contains("hash_on: `source_hash` hashes the client's address"));
}

BOOST_AUTO_TEST_CASE(what_the_operating_system_knows) {
  const std::string rest = with_listener("bind: \"127.0.0.1:0\", upstream: demo");
  const auto process = good("process: { user: shoal, group: web, pid_file: /run/x.pid }\n" + rest).process;
  BOOST_TEST((process.user == "shoal" && process.group == "web" && process.pid_file == "/run/x.pid"));
  BOOST_TEST((good(rest).process == process_options{}));
  BOOST_TEST(errors_of("process: { group: web }\n" + rest).contains("process.group: it is the group of `user`"));
}

BOOST_AUTO_TEST_CASE(limits_of_an_upstream) {
  const auto with = [](std::string_view keys) {
    return with_upstream("endpoints: [ \"10.0.0.1:1\" ], limits: { " + std::string(keys) + " }");
  };
  const auto usual = good(with("")).upstreams.at(0).limits;
  BOOST_TEST(!usual.max_connections.has_value());
  BOOST_TEST((usual.max_pending == 1024U && usual.queue_timeout == 5s));
  const auto own = good(with("max_connections: 100, max_pending: 0, queue_timeout: 250ms")).upstreams.at(0).limits;
  BOOST_TEST((own.max_connections == 100U && own.max_pending == 0U && own.queue_timeout == 250ms));
  BOOST_TEST(errors_of(with("max_connections: 0")).contains("max_connections"));
  BOOST_TEST(errors_of(with("max_requests_per_connection: 5")).contains("not yet supported"));
  BOOST_TEST(errors_of(with_upstream("builtin: echo, limits: { max_connections: 5 }"))
                 .contains("limits.max_connections: a server inside the proxy takes what its listeners let in"));
}

BOOST_AUTO_TEST_CASE(checks_and_ejection) {
  const auto with = [](std::string_view keys) {
    return with_upstream("endpoints: [ \"10.0.0.1:1\" ], " + std::string(keys));
  };
  const auto plain = good(with("health_check: { }, outlier_detection: { }")).upstreams.at(0);
  BOOST_TEST((plain.health_check == health_check_options{} && plain.outlier_detection == outlier_options{}));
  BOOST_TEST((plain.health_check->interval == 5s && plain.health_check->timeout == 1s));
  BOOST_TEST((plain.health_check->rise == 2U && plain.health_check->fall == 3U));
  const auto http = good(with("health_check: { type: http, path: /ok, host: api.internal, status: 204 }"))
                        .upstreams.at(0)
                        .health_check.value();
  BOOST_TEST((http.path == "/ok" && http.host == "api.internal"));
  BOOST_TEST((http.status == status_range{.least = 204, .most = 204}));
  BOOST_TEST(!good(with("health_check: off")).upstreams.at(0).health_check.has_value());
  BOOST_TEST(errors_of(with("health_check: { path: /ok }"))
                 .contains("health_check.path: needs `type: http`, and this is tcp"));
  BOOST_TEST(errors_of(with("health_check: { type: http, path: ok }")).contains("`ok` is not a path"));
  BOOST_TEST(errors_of(with("health_check: { type: http, path: \"/a b\" }")).contains("`/a b` is not a path"));
  for (const char* status : {"20", "600", "399-200", "2xx", "200-"}) {
    BOOST_TEST(errors_of(with("health_check: { type: http, status: " + std::string(status) + " }"))
                   .contains("is no status (`200`, or `200-399`)"),
               status);
  }
  BOOST_TEST(errors_of(with("outlier_detection: { consecutive_failures: 0 }")).contains("consecutive_failures"));
  BOOST_TEST(errors_of(with_upstream("builtin: echo, health_check: { }"))
                 .contains("health_check: a server inside the proxy is always up (remove the key)"));
}

BOOST_AUTO_TEST_CASE(the_port_of_admin_is_taken_too) {
  BOOST_TEST(errors_of("admin: { bind: \"0.0.0.0:7000\" }\n" +
                           with_listener("name: a, bind: \"127.0.0.1:7000\", upstream: demo"),
                       from_the_future()) ==
             "x.yaml:1:16: admin.bind: `0.0.0.0:7000` is taken by `127.0.0.1:7000` of listener `a` on line 2 (choose "
             "another address, or "
             "remove one of them)\n");
}

BOOST_AUTO_TEST_CASE(an_inherited_socket_has_one_listener) {
  BOOST_TEST(errors_of(with_listener("bind: fd://3, upstream: demo")) == "");
  BOOST_TEST(
      errors_of(with_listener("bind: [ fd://3, fd://3 ], upstream: demo")).contains("is taken by the same address"));
}

BOOST_AUTO_TEST_CASE(one_mistake_is_one_error) {
  // A misspelt name is no reason to call everything that refers to it wrong.
  BOOST_TEST(errors_of("listeners: [ { bind: \"127.0.0.1:0\", upstream: demo } ]\nupstreams: [ { name: \"de mo\", "
                       "builtin: echo } ]\n") ==
             "x.yaml:2:22: upstreams[0].name: `de mo` can't be a name (letters, digits and - _ . :, at most 64)\n");
  BOOST_TEST(errors_of("listeners: [ { bind: \"127.0.0.1:0\", upstream: demo } ]\nupstreams: 5\n") ==
             "x.yaml:2:12: upstreams: expected a list, found a single value (write `[ ... ]`, or lines that start with "
             "`- `)\n");
  BOOST_TEST(
      errors_of(
          "listeners: [ { bind: \"127.0.0.1:0\", upstrem: demo } ]\nupstreams: [ { name: demo, builtin: echo } ]\n") ==
      "x.yaml:1:37: listeners[0].upstrem: unknown key (did you mean `upstream`?)\n");
}

BOOST_AUTO_TEST_CASE(a_wrong_list_of_upstreams_is_one_error) {
  BOOST_TEST(errors_of("listeners: [ { bind: \"127.0.0.1:0\", upstream: demo } ]\nbackends: []\n") ==
             "x.yaml:2:1: backends: unknown key (HAProxy's `backends` is `upstreams` here)\n");
  BOOST_TEST(errors_of("listeners: [ { bind: \"127.0.0.1:0\", upstream: demo } ]\n")
                 .contains("listeners[0].upstream: unknown upstream `demo` (add one to `upstreams`: "));
}

BOOST_AUTO_TEST_CASE(words_of_other_servers_lead_to_ours) {
  const auto hint = [](std::string_view balance) {
    return errors_of(with_upstream("builtin: echo, balance: " + std::string(balance)));
  };
  BOOST_TEST(hint("roundrobin").contains("did you mean `round_robin`?"));
  BOOST_TEST(hint("leastconn").contains("did you mean `least_connections`?"));
  BOOST_TEST(hint("LEAST_REQUEST").contains("did you mean `least_requests`?"));
  BOOST_TEST(hint("source").contains("did you mean `source_hash`?"));
}

BOOST_AUTO_TEST_CASE(every_foreign_key_leads_to_a_key_that_exists) {
  const value_type& root = *proxy_type().impl;
  for (const foreign_key& entry : foreign_keys()) {
    const value_type* const inside = entry.inside.empty() ? &root : find_object(root, entry.inside);
    BOOST_TEST_CONTEXT(entry.theirs << " inside " << entry.inside) {
      BOOST_TEST_REQUIRE((inside != nullptr));
      BOOST_TEST((entry.ours.empty() ? !entry.advice.empty() : has_path(inside, entry.ours)), entry.ours);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::config
