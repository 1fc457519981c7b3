// SPDX-License-Identifier: Apache-2.0
// Routes: one action each, one way to name the path, and none that an earlier one leaves without requests.
#include "proxy/config_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

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

void check_one_route(reading& in, const proxy_config& config, const std::string& path, const route_config& route) {
  check_match(in, path);
  check_action(in, path);
  check_status(in, path, route);
  if (in.sound(path + ".upstream")) check_reference(in, config, path + ".upstream", route.upstream);
  for (std::size_t i = 0; i < route.upstreams.size(); ++i) {
    const std::string name = fmt::format("{}.upstreams[{}].name", path, i);
    if (in.sound(name)) check_reference(in, config, name, route.upstreams[i].name);
  }
}

void check_shadowing(reading& in, const std::string& list, const std::vector<route_config>& routes) {
  for (std::size_t later = 1; later < routes.size(); ++later) {
    const std::string path = fmt::format("{}[{}]", list, later);
    if (in.broken(path)) continue;
    for (std::size_t earlier = later > most_compared ? later - most_compared : 0; earlier < later; ++earlier) {
      const std::string before = fmt::format("{}[{}]", list, earlier);
      if (in.broken(before) || !shadows(routes[earlier].match, routes[later].match)) continue;
      in.fail_at(
          path, {fmt::format("never matches: the route on line {} takes all that it would take", in.place(before).line),
                 "move it up, or remove it"});
      break;
    }
  }
}

}  // namespace

bool shadows(const route_match& earlier, const route_match& later) {
  return host_covers(earlier.host, later.host) && path_covers(earlier, later) &&
         choices_cover(earlier.method, later.method) && choices_cover(earlier.source, later.source) &&
         pairs_cover(earlier.headers, later.headers) && pairs_cover(earlier.query, later.query);
}

void check_routes(reading& in, const proxy_config& config) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const std::vector<route_config>& routes = config.listeners[i].routes;
    const std::string list = fmt::format("listeners[{}].routes", i);
    for (std::size_t j = 0; j < routes.size(); ++j) {
      check_one_route(in, config, fmt::format("{}[{}]", list, j), routes[j]);
    }
    check_shadowing(in, list, routes);
  }
}

}  // namespace shoal::config
