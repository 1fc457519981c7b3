// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_rules.hpp"

#include "proxy/config_references.hpp"
#include <shoal/core/lower_case.hpp>

#include <fmt/format.h>

#include <map>
#include <string_view>

namespace shoal::config {
namespace {

// Names of one list, each of which may stand once.
class name_list {
 public:
  name_list(reading& in, std::string_view kind) : in_(in), kind_(kind) {}

  void add(const std::string& path, const std::string& name) {
    if (name.empty()) return;
    const auto [first, is_new] = seen_.emplace(name, path);
    if (is_new) return;
    in_.fail_at(path, {fmt::format("duplicate name: another {} is called {}", kind_, in_quotes(name)),
                       fmt::format("the first is on line {}", in_.place(first->second).line)});
  }

 private:
  reading& in_;
  std::string_view kind_;
  std::map<std::string, std::string, std::less<>> seen_;
};

void check_marks(reading& in, const std::string& path, const buffer_limits& buffers) {
  const bool is_sound = in.sound(path + ".low") && (in.sound(path + ".high") || !in.written(path + ".high"));
  if (!is_sound || buffers.low <= buffers.high) return;
  in.fail_at(path + ".low", {"is above `high`", "reading stops above `high` and goes on below `low`"});
}

/// Names are one, however they are written; and what is passed through is TLS.
void check_server_names(reading& in, upstream_references& upstreams, const listener_config& listener,
                        const std::string& path) {
  std::map<std::string, std::string, std::less<>> seen;
  for (const auto& [name, upstream] : listener.sni) {
    const std::string key = fmt::format("{}.{}", path, name);
    upstreams.check_passthrough(key, upstream);
    const auto [first, is_new] = seen.emplace(lower_case(name), name);
    if (is_new) continue;
    in.fail_at(key, {fmt::format("the same name as {}", in_quotes(first->second)), "letters' case does not count"});
  }
}

void check_target(reading& in, upstream_references& upstreams, const listener_config& listener, std::size_t index) {
  const std::string path = fmt::format("listeners[{}]", index);
  // A key that was meant, but misspelled, is broken without being written.
  const bool has_upstream = in.written(path + ".upstream") || in.broken(path + ".upstream");
  const bool has_sni = in.written(path + ".sni") || in.broken(path + ".sni");
  const bool has_routes = in.written(path + ".routes") || in.broken(path + ".routes");
  if (listener.protocol == listener_protocol::http) {
    if (!has_routes) {
      in.fail_at(path, {"`routes` is missing", "write `routes: [ { upstream: NAME } ]`"});
    }
    return;
  }
  if (!has_upstream && !has_sni && !has_routes) {
    in.fail_at(path, {"`upstream` is missing", "write `upstream: NAME`, and an upstream of that name"});
  }
  if (has_upstream && has_sni) in.fail_at(path + ".sni", {"`upstream` is given too", "remove one of them"});
  upstreams.check(path + ".upstream", listener.upstream, listener_protocol::tcp);
  check_server_names(in, upstreams, listener, path + ".sni");
}

}  // namespace

void check_all(reading& in, const proxy_config& config) {
  check_runtime(in, config);
  check_process(in, config);
  check_names(in, config);
  check_addresses(in, config);
  check_listeners(in, config);
  check_routes(in, config);
  check_upstreams(in, config);
  check_files(in, config);
}

void check_runtime(reading& in, const proxy_config& config) {
  const runtime_options& runtime = config.runtime;
  if (!in.sound("runtime.cpus") || !runtime.cpus) return;
  if (in.sound("runtime.pin") && runtime.pin == pin_mode::off) {
    in.fail_at("runtime.pin", {"`cpus` is written, and written it pins", "remove one of them"});
  }
  const bool is_fixed = in.sound("runtime.shards") && runtime.shards.how == shard_count::mode::fixed;
  if (is_fixed && runtime.shards.count > runtime.cpus->size()) {
    in.fail_at("runtime.shards",
               {fmt::format("{} shards don't fit on the {} of `cpus`", runtime.shards.count,
                            runtime.cpus->size() == 1 ? "one CPU" : fmt::format("{} CPUs", runtime.cpus->size())),
                "one CPU for each shard"});
  }
}

void check_process(reading& in, const proxy_config& config) {
  if (config.process.group.empty() || !config.process.user.empty() || in.broken("process.user")) return;
  in.fail_at("process.group", {"it is the group of `user`, which is not given", "write `user` too"});
}

void check_names(reading& in, const proxy_config& config) {
  name_list listeners(in, "listener");
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const std::string path = fmt::format("listeners[{}].name", i);
    if (in.sound(path)) listeners.add(path, config.listeners[i].name);
  }
  name_list upstreams(in, "upstream");
  for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
    const std::string path = fmt::format("upstreams[{}].name", i);
    if (in.sound(path)) upstreams.add(path, config.upstreams[i].name);
  }
}

void check_listeners(reading& in, const proxy_config& config) {
  upstream_references upstreams(in, config);
  check_marks(in, "defaults.buffers", config.defaults.buffers);
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const listener_config& listener = config.listeners[i];
    const std::string path = fmt::format("listeners[{}]", i);
    check_marks(in, path + ".buffers", listener.buffers);
    const accept_distribution& distribution = listener.accept.distribution;
    const shard_count& shards = config.runtime.shards;
    const bool is_absent = distribution.how == accept_distribution::policy::fixed &&
                           shards.how == shard_count::mode::fixed && distribution.shard >= shards.count;
    if (is_absent && in.sound(path + ".accept.distribution")) {
      in.fail_at(path + ".accept.distribution",
                 {fmt::format("there is no shard {}", distribution.shard), fmt::format("0 to {}", shards.count - 1)});
    }
    const bool knows_protocol = in.sound(path + ".protocol") || !in.written(path + ".protocol");
    if (knows_protocol) check_target(in, upstreams, listener, i);
  }
}

}  // namespace shoal::config
