// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_references.hpp"

#include <shoal/net/config/nearest.hpp>

#include <fmt/format.h>

#include <utility>

namespace shoal::config {
namespace {

// More names than this are not searched for the nearest: its price is their number times that of the errors.
constexpr std::size_t most_candidates = 1000;

}  // namespace

upstream_references::upstream_references(reading& in, const proxy_config& config) : in_(in) {
  for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
    const upstream_config& upstream = config.upstreams[i];
    if (!in.sound(fmt::format("upstreams[{}].name", i))) is_complete_ = false;
    upstreams_.emplace(upstream.name, &upstream);
    if (names_.size() < most_candidates) names_.push_back(upstream.name);
  }
  if (config.upstreams.empty() && in.broken("upstreams")) is_complete_ = false;
}

void upstream_references::check(const std::string& path, const std::string& name, listener_protocol protocol) {
  if (!in_.sound(path)) return;
  const auto found = upstreams_.find(name);
  if (found == upstreams_.end()) {
    if (is_complete_) report_unknown(path, name);
    return;
  }
  const auto& builtin = found->second->builtin;
  if (!builtin) return;
  const bool is_http = protocol == listener_protocol::http;
  const bool speaks_http = *builtin == builtin_endpoint::hello;
  if (speaks_http == is_http) return;
  in_.fail_at(path, {fmt::format("{} is `builtin: {}`, which speaks {}", in_quotes(name),
                                 speaks_http ? "hello" : "echo", speaks_http ? "http" : "tcp"),
                     fmt::format("this listener needs `builtin: {}`", is_http ? "hello" : "echo")});
}

void upstream_references::check_passthrough(const std::string& path, const std::string& name) {
  check(path, name, listener_protocol::tcp);
  const auto found = upstreams_.find(name);
  if (!in_.sound(path) || found == upstreams_.end() || !found->second->builtin) return;
  in_.fail_at(path, {fmt::format("{} is built in, which speaks no TLS", in_quotes(name)), "name one with `endpoints`"});
}

void upstream_references::report_unknown(const std::string& path, const std::string& name) {
  // Hints that nobody will see aren't looked for.
  const std::string_view close = in_.is_full() ? std::string_view{} : nearest(name, names_);
  std::string hint = close.empty() ? fmt::format("add one to `upstreams`: `{{ name: {}, endpoints: [ ... ] }}`", name)
                                   : fmt::format("did you mean `{}`?", close);
  in_.fail_at(path, {fmt::format("unknown upstream {}", in_quotes(name)), std::move(hint)});
}

}  // namespace shoal::config
