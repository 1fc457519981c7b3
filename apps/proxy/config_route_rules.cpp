// SPDX-License-Identifier: Apache-2.0
// Routes: one action each, one way to name the path, and none that an earlier one leaves without requests.
#include "proxy/config_references.hpp"
#include "proxy/config_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

namespace shoal::config {
namespace {

// With more routes than this only so many earlier ones are compared with each: the check must not cost a second.
constexpr std::size_t most_compared = 500;

// "/v1" covers "/v1" and "/v1/users".
bool covers_path(std::string_view prefix, std::string_view path) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

bool host_covers(std::string_view earlier, std::string_view later) {
  if (earlier.empty() || earlier == later) return true;
  return earlier.starts_with("*.") && later.ends_with(earlier.substr(1)) && later.size() > earlier.size() - 1;
}

bool path_covers(const route_match& earlier, const route_match& later) {
  if (!earlier.path.empty()) return earlier.path == later.path;
  if (!earlier.path_regex.empty()) return earlier.path_regex == later.path_regex;
  if (earlier.path_prefix.empty()) return true;
  if (covers_path(earlier.path_prefix, "/")) return true;
  const std::string& narrowed = later.path.empty() ? later.path_prefix : later.path;
  return !narrowed.empty() && covers_path(earlier.path_prefix, narrowed);
}

// Every condition of `earlier` is one of `later`.
bool pairs_cover(const text_map& earlier, const text_map& later) {
  return std::ranges::all_of(earlier, [&](const auto& pair) { return std::ranges::find(later, pair) != later.end(); });
}

// Every choice of `later` is one of `earlier`; none means all.
template <class T>
bool choices_cover(const std::vector<T>& earlier, const std::vector<T>& later) {
  if (earlier.empty()) return true;
  return !later.empty() && std::ranges::all_of(later, [&](const T& choice) {
    return std::ranges::find(earlier, choice) != earlier.end();
  });
}

void check_match(reading& in, const std::string& path) {
  std::string_view first;
  for (const std::string_view name : {"path", "path_prefix", "path_regex"}) {
    const std::string key_path = fmt::format("{}.match.{}", path, name);
    if (!in.written(key_path)) continue;
    if (!first.empty()) {
      in.fail_at(key_path, {fmt::format("`{}` is given too", first), "one of `path`, `path_prefix` and `path_regex`"});
    }
    first = name;
  }
}

void check_action(reading& in, const std::string& path) {
  std::string_view first;
  for (const std::string_view name : {"respond", "redirect", "upstream", "upstreams"}) {
    const std::string key_path = fmt::format("{}.{}", path, name);
    if (!in.written(key_path)) continue;
    if (!first.empty()) in.fail_at(key_path, {fmt::format("`{}` is given too", first), "a route does one thing"});
    first = name;
  }
  if (first.empty()) {
    in.fail_at(path, {"does nothing", "add `upstream`, `upstreams`, `redirect` or `respond`"});
  }
}

void check_status(reading& in, const std::string& path, const route_config& route) {
  constexpr std::array allowed{301U, 302U, 303U, 307U, 308U};
  if (!route.redirect || !in.sound(path + ".redirect.status")) return;
  if (std::ranges::find(allowed, route.redirect->status) == allowed.end()) {
    in.fail_at(path + ".redirect.status",
               {fmt::format("{} is no redirect", route.redirect->status), "one of 301, 302, 303, 307 and 308"});
  }
}

void check_one_route(reading& in, upstream_references& upstreams, const std::string& path, const route_config& route) {
  check_match(in, path);
  check_action(in, path);
  check_status(in, path, route);
  upstreams.check(path + ".upstream", route.upstream, listener_protocol::http);
  for (std::size_t i = 0; i < route.upstreams.size(); ++i) {
    const std::string name = fmt::format("{}.upstreams[{}].name", path, i);
    upstreams.check(name, route.upstreams[i].name, listener_protocol::http);
  }
}

void check_shadowing(reading& in, const std::string& list, const std::vector<route_config>& routes) {
  // Routes in which something is wrong take no part.
  std::vector<std::size_t> sound;
  for (std::size_t later = 0; later < routes.size(); ++later) {
    const std::string path = fmt::format("{}[{}]", list, later);
    if (in.broken(path)) continue;
    const std::size_t first = sound.size() > most_compared ? sound.size() - most_compared : 0;
    const auto earlier = std::find_if(sound.begin() + static_cast<std::ptrdiff_t>(first), sound.end(),
                                      [&](std::size_t i) { return shadows(routes[i].match, routes[later].match); });
    if (earlier == sound.end()) {
      sound.push_back(later);
      continue;
    }
    in.fail_at(path, {fmt::format("never matches: the route on line {} takes all that it would take",
                                  in.place(fmt::format("{}[{}]", list, *earlier)).line),
                      "move it up, or remove it"});
  }
}

}  // namespace

bool shadows(const route_match& earlier, const route_match& later) {
  return host_covers(earlier.host, later.host) && path_covers(earlier, later) &&
         choices_cover(earlier.method, later.method) && choices_cover(earlier.source, later.source) &&
         pairs_cover(earlier.headers, later.headers) && pairs_cover(earlier.query, later.query);
}

void check_routes(reading& in, const proxy_config& config) {
  upstream_references upstreams(in, config);
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const std::vector<route_config>& routes = config.listeners[i].routes;
    const std::string list = fmt::format("listeners[{}].routes", i);
    for (std::size_t j = 0; j < routes.size(); ++j) {
      check_one_route(in, upstreams, fmt::format("{}[{}]", list, j), routes[j]);
    }
    check_shadowing(in, list, routes);
  }
}

}  // namespace shoal::config
