// SPDX-License-Identifier: Apache-2.0
// How endpoints are watched: the keys of health_check and outlier_detection.
#include "proxy/config_types.hpp"
#include <shoal/net/config/composite_types.hpp>
#include <shoal/net/config/option_types.hpp>
#include <shoal/net/config/scalar_types.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <expected>
#include <optional>
#include <string_view>

namespace shoal::config {
namespace {

constexpr unsigned most_checks = 100;
constexpr unsigned least_status = 100;
constexpr unsigned highest_status = 599;
constexpr const char* asks_nothing = "a tcp check asks for nothing: write `type: http`, or remove the key";

/// It goes into a request line or a header as it is.
bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

type<std::string> path_type() {
  return text("path", "/healthz", [](std::string_view path) -> std::expected<std::string, problem> {
    if (path.starts_with('/') && is_visible(path)) return std::string(path);
    return std::unexpected(problem{fmt::format("{} is not a path", in_quotes(path)),
                                   "begin with `/`, and write what is no visible ASCII as `%20`"});
  });
}

type<std::string> host_type() {
  return text("host", "api.internal", [](std::string_view host) -> std::expected<std::string, problem> {
    if (is_visible(host)) return std::string(host);
    return std::unexpected(problem{fmt::format("{} is not a host", in_quotes(host)), "`name` or `name:port`"});
  });
}

std::optional<unsigned> parse_status(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool is_number = error == std::errc{} && end == digits.data() + digits.size();
  if (!is_number || value < least_status || value > highest_status) return std::nullopt;
  return value;
}

type<status_range> status_type() {
  return scalar<status_range>(
      {.words = "status, or a range of them", .example = "200-399", .pattern = "[1-5][0-9]{2}(-[1-5][0-9]{2})?"},
      [](std::string_view words) -> std::expected<status_range, problem> {
        const auto dash = words.find('-');
        const auto least = parse_status(words.substr(0, dash));
        const auto most = dash == std::string_view::npos ? least : parse_status(words.substr(dash + 1));
        if (least && most && *least <= *most) return status_range{.least = *least, .most = *most};
        return std::unexpected(problem{fmt::format("{} is no status", in_quotes(words)), "`200`, or `200-399`"});
      },
      [](const status_range& value) {
        return value.least == value.most ? fmt::format("{}", value.least)
                                         : fmt::format("{}-{}", value.least, value.most);
      });
}

}  // namespace

type<health_check_options> checks_type() {
  using h = health_check_options;
  const auto kind = one_of<health_check_type>({{"tcp", health_check_type::tcp}, {"http", health_check_type::http}});
  return scoped_object<h>(
      "health_check",
      {field("type", &h::type, kind, "`tcp`: it accepts a connection. `http`: it answers `GET path` as expected"),
       field("path", &h::path, path_type(), "What is asked for").only_for("http", asks_nothing),
       field("host", &h::host, host_type(), "The Host header")
           .default_is("the endpoint's address")
           .only_for("http", asks_nothing),
       field("status", &h::status, status_type(), "The answers that are good").only_for("http", asks_nothing),
       field("interval", &h::interval, timeout_type("5s"),
             "Between two checks of one endpoint, give or take a tenth. Once for the process, not for each shard"),
       field("timeout", &h::timeout, timeout_type("1s"), "For one check"),
       field("rise", &h::rise, number<unsigned>(1, most_checks), "Good checks in a row that make it up"),
       field("fall", &h::fall, number<unsigned>(1, most_checks), "Bad checks in a row that make it down")},
      "type", [](const h& of) -> std::string { return of.type == health_check_type::http ? "http" : "tcp"; });
}

type<outlier_options> outlier_type() {
  using o = outlier_options;
  return object<o>("outlier_detection",
                   {field("consecutive_failures", &o::consecutive_failures, number<unsigned>(1, most_checks),
                          "Failures in a row, on all shards together, that take an endpoint out"),
                    field("base_ejection_time", &o::base_ejection_time, timeout_type("30s"),
                          "For how long, the first time. The second time is twice as long, and so on up to ten times"),
                    field("max_ejection_percent", &o::max_ejection_percent, percent(),
                          "At most this share is out; never the last one")});
}

}  // namespace shoal::config
