// SPDX-License-Identifier: Apache-2.0
// Upstreams: endpoints or a built-in one, each endpoint said in one way and once; and the files of TLS.
#include "proxy/config_rules.hpp"

#include <fmt/format.h>

#include <map>
#include <string_view>

namespace shoal::config {
namespace {

// What an endpoint is told apart by; empty if it isn't said.
std::string identity(const endpoint_config& endpoint) {
  if (endpoint.address) return endpoint.address->text();
  if (endpoint.dns) return endpoint.dns->text();
  return endpoint.srv;
}

void check_endpoint(reading& in, const std::string& path, const endpoint_config& endpoint) {
  std::string_view first;
  for (const std::string_view name : {"address", "dns", "srv"}) {
    const std::string key_path = fmt::format("{}.{}", path, name);
    if (!in.written(key_path)) continue;
    if (!first.empty()) in.fail_at(key_path, {fmt::format("`{}` is given too", first), "one of them"});
    first = name;
  }
  if (first.empty() && !in.broken(path)) {
    in.fail_at(path, {"`address` is missing", "write `address: \"10.0.0.1:9000\"`"});
  }
  if (endpoint.address && in.written(path + ".refresh")) {
    in.fail_at(path + ".refresh", {"an address is not looked up", "remove the key, or write `dns`"});
  }
}

void check_endpoints(reading& in, const std::string& list, const upstream_config& upstream) {
  std::map<std::string, std::string> seen;
  for (std::size_t i = 0; i < upstream.endpoints.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", list, i);
    check_endpoint(in, path, upstream.endpoints[i]);
    if (in.broken(path)) continue;
    const auto [first, is_new] = seen.emplace(identity(upstream.endpoints[i]), path);
    if (is_new) continue;
    in.fail_at(
        path, {fmt::format("duplicate endpoint {}", in_quotes(first->first)),
               fmt::format("the first is on line {}; `weight` gives it a larger share", in.place(first->second).line)});
  }
}

/// The name says what it hashes.
void check_balance(reading& in, const std::string& path, const upstream_config& upstream) {
  const bool by_source = upstream.balance == balance_policy::source_hash;
  if (!by_source || upstream.hash_on == "source_ip" || !in.sound(path + ".hash_on")) return;
  in.fail_at(path + ".hash_on",
             {"`source_hash` hashes the client's address", "write `balance: ring_hash`, or remove the key"});
}

/// It is always there.
void check_builtin(reading& in, const std::string& path, const upstream_config& upstream) {
  const auto refuse = [&](const std::string& key) {
    if (in.sound(path + key)) in.fail_at(path + key, {"a server inside the proxy is always up", "remove the key"});
  };
  if (upstream.health_check) refuse(".health_check");
  if (upstream.outlier_detection) refuse(".outlier_detection");
  if (const std::string most = path + ".limits.max_connections"; upstream.limits.max_connections && in.sound(most)) {
    in.fail_at(most, {"a server inside the proxy takes what its listeners let in",
                      "write `accept.max_connections` at the listener"});
  }
}

void check_file(reading& in, const std::string& path, const std::string& file) {
  if (file.empty() || !in.sound(path) || in.readable(file)) return;
  in.fail_at(path, {fmt::format("the file {} does not exist, or can't be read", in_quotes(file)),
                    "relative names start at the folder of the configuration"});
}

}  // namespace

void check_upstreams(reading& in, const proxy_config& config) {
  for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
    const std::string path = fmt::format("upstreams[{}]", i);
    // A key that was meant, but misspelled, is broken without being written.
    const bool has_endpoints = in.written(path + ".endpoints") || in.broken(path + ".endpoints");
    const bool is_builtin = in.written(path + ".builtin") || in.broken(path + ".builtin");
    if (has_endpoints && is_builtin) in.fail_at(path + ".builtin", {"`endpoints` is given too", "remove one of them"});
    if (!has_endpoints && !is_builtin && in.written(path + ".name")) {
      in.fail_at(path,
                 {"`endpoints` is missing", "write `endpoints: [ \"10.0.0.1:9000\" ]`, or `builtin: echo` for a try"});
    }
    check_endpoints(in, path + ".endpoints", config.upstreams[i]);
    check_balance(in, path, config.upstreams[i]);
    if (config.upstreams[i].builtin) check_builtin(in, path, config.upstreams[i]);
  }
}

void check_files(reading& in, const proxy_config& config) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const auto& asked = config.listeners[i].tls;
    if (!asked) continue;
    const server_tls& tls = *asked;
    const std::string path = fmt::format("listeners[{}].tls", i);
    for (std::size_t j = 0; j < tls.certificates.size(); ++j) {
      check_file(in, fmt::format("{}.certificates[{}].cert", path, j), tls.certificates[j].cert);
      check_file(in, fmt::format("{}.certificates[{}].key", path, j), tls.certificates[j].key);
    }
    check_file(in, path + ".client_ca", tls.client_ca);
  }
  for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
    const auto& asked = config.upstreams[i].tls;
    if (!asked) continue;
    const client_tls& tls = *asked;
    const std::string path = fmt::format("upstreams[{}].tls", i);
    check_file(in, path + ".ca", tls.ca);
    check_file(in, path + ".cert", tls.cert);
    check_file(in, path + ".key", tls.key);
    if (in.written(path + ".cert") != in.written(path + ".key")) {
      const bool lacks_key = in.written(path + ".cert");
      in.fail_at(path, {lacks_key ? "`cert` without its `key`" : "`key` without its `cert`", "both, or none"});
    }
  }
}

}  // namespace shoal::config
