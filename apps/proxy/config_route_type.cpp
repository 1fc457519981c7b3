// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_types.hpp"
#include <shoal/core/lower_case.hpp>
#include <shoal/net/config/composite_types.hpp>
#include <shoal/net/config/option_types.hpp>
#include <shoal/net/config/scalar_types.hpp>
#include <shoal/net/config/values/number.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <expected>
#include <string_view>

namespace shoal::config {
namespace {

constexpr std::size_t most_conditions = 64;
constexpr unsigned most_attempts = 16;
constexpr unsigned highest_weight = 256;
constexpr std::uint64_t largest_burst = 1'000'000'000;

using checked_text = std::expected<std::string, problem>;

type<std::string> path_type(std::string words, std::string example) {
  return text(std::move(words), std::move(example), [](std::string_view path) -> checked_text {
    if (path.starts_with('/')) return std::string(path);
    return std::unexpected(
        problem{fmt::format("{} does not begin with `/`", in_quotes(path)), fmt::format("write `/{}`", path)});
  });
}

type<std::string> host_type() {
  return text("host", "api.example.com", [](std::string_view host) -> checked_text {
    const std::string_view name = host.starts_with("*.") ? host.substr(2) : host;
    if (!is_host_name(name)) {
      return std::unexpected(problem{fmt::format("{} is not the name of a host", in_quotes(host)),
                                     "write `api.example.com` or `*.example.com`, without a port"});
    }
    return lower_case(host);
  });
}

type<std::string> method_type() {
  return text("method", "GET", [](std::string_view method) -> checked_text {
    if (std::ranges::all_of(method, [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; }))
      return std::string(method);
    return std::unexpected(problem{fmt::format("{} is not a method", in_quotes(method)), "in capitals: `GET`"});
  });
}

type<std::string> retry_condition_type() {
  static const std::vector<std::string> words{"connect_failure", "reset", "response_timeout"};
  scalar_shape shape{.words = "status", .example = "503", .names = words, .least = 400, .most = 599};
  return scalar<std::string>(
      std::move(shape),
      [](std::string_view value) -> checked_text {
        if (std::ranges::find(words, value) != words.end()) return std::string(value);
        const bool is_status = value.size() == 3 && parse_number(value, 400, 599).has_value();
        if (is_status) return std::string(value);
        problem wrong = wrong_word(value, words);
        wrong.hint += ", or a status from 400 to 599";
        return std::unexpected(std::move(wrong));
      },
      [](const std::string& value) { return value; });
}

type<network> source_type() {
  return scalar<network>({.words = "network", .example = "10.0.0.0/8", .is_text = true}, parse_network,
                         [](const network& value) { return value.text(); });
}

type<route_match> match_type() {
  using m = route_match;
  return object<m>(
      "match", {field("host", &m::host, host_type(), "The host asked for; `*.example.com` takes all names below it"),
                field("path", &m::path, path_type("path", "/healthz"), "The whole path"),
                field("path_prefix", &m::path_prefix, path_type("path", "/v1"),
                      "How the path begins, in whole segments: `/v1` takes `/v1/users`, not `/v10`"),
                field("path_regex", &m::path_regex, text("regular expression", "/users/[0-9]+"),
                      "RE2; the whole path must match"),
                field("method", &m::method, one_or_list(method_type(), most_conditions), "One of these"),
                field("headers", &m::headers, header_map_type(), "All of these, with exactly this value"),
                field("query", &m::query, map(text("text", "1")), "All of these parameters, with exactly this value"),
                field("source", &m::source, one_or_list(source_type(), most_conditions),
                      "The client is in one of these networks")});
}

type<header_edits> headers_type() {
  using h = header_edits;
  return object<h>("headers", {field("set", &h::set, header_map_type(), "Replace, or add"),
                               field("add", &h::add, header_map_type(), "Add, even if there is one"),
                               field("remove", &h::remove, list(header_name_type(), 0, most_conditions),
                                     "Remove all of this name")});
}

type<respond_options> respond_type() {
  using r = respond_options;
  return object<r>("respond", {field("status", &r::status, number<unsigned>(200, 599), "Its status"),
                               field("body", &r::body, text("text", "ok"), "Its body"),
                               field("headers", &r::headers, header_map_type(), "Its headers")});
}

type<redirect_options> redirect_type() {
  using r = redirect_options;
  return object<r>("redirect", {field("to", &r::to, text("path or URL", "/new"), "Where to").required(),
                                field("status", &r::status, number<unsigned>(301, 308), "301, 302, 303, 307 or 308")});
}

type<retry_options> retry_type() {
  using r = retry_options;
  return object<r>(
      "retry",
      {field("attempts", &r::attempts, number<unsigned>(1, most_attempts), "How often at most, besides the first try"),
       field("retry_on", &r::retry_on, one_or_list(retry_condition_type(), most_conditions), "After what"),
       field("per_try_timeout", &r::per_try_timeout, word_or("off", optional_timeout_type("5s")), "For each try"),
       field("budget", &r::budget, percent(), "At most this share of requests are retries")});
}

type<rate_limit_options> rate_limit_type() {
  using r = rate_limit_options;
  return object<r>(
      "rate_limit",
      {field("rate", &r::rate, any_rate(), "Requests that pass in the long run; beyond: 429").required(),
       field("burst", &r::burst, number<std::uint64_t>(1, largest_burst), "Requests that may come at once"),
       field("key", &r::key, selector_type({"source_ip"}, {"header:"}), "What has a limit of its own")});
}

type<rewrite_options> rewrite_type() {
  using r = rewrite_options;
  return object<r>(
      "rewrite", {field("strip_prefix", &r::strip_prefix, path_type("path", "/v1"), "Cut from the path"),
                  field("add_prefix", &r::add_prefix, path_type("path", "/api"), "Put before the path, after cutting"),
                  field("host", &r::host, host_type(), "The host that the endpoint sees")});
}

type<route_timeouts> route_timeouts_type() {
  return object<route_timeouts>(
      "route_timeouts", {field("request", &route_timeouts::request, word_or("off", optional_timeout_type("30s")),
                               "From the end of the request's headers to the end of the response")});
}

}  // namespace

type<route_config> route_type() {
  using r = route_config;
  const auto target = object<weighted_upstream>(
      "weighted_upstream", {field("name", &weighted_upstream::name, upstream_name_type(), "Its name").required(),
                            field("weight", &weighted_upstream::weight, number<unsigned>(1, highest_weight),
                                  "Its share, against the other weights")});
  return object<r>(
      "route", {field("match", &r::match, match_type(), "All of these must hold; without any, every request matches"),
                field("respond", &r::respond, optional(respond_type()), "Answer from here"),
                field("redirect", &r::redirect, optional(redirect_type()), "Send the client elsewhere"),
                field("upstream", &r::upstream, upstream_name_type(), "Pass the request on"),
                field("upstreams", &r::upstreams, list(target, 1, most_conditions), "Pass it on to one of several"),
                field("rewrite", &r::rewrite, rewrite_type(), "Change the request's target"),
                field("request_headers", &r::request_headers, headers_type(), "Change what the endpoint sees"),
                field("response_headers", &r::response_headers, headers_type(), "Change what the client sees"),
                field("timeouts", &r::timeouts, route_timeouts_type(), "Of this route"),
                field("retry", &r::retry, word_or("off", retry_type()),
                      "Try again where nothing was sent or the method is idempotent"),
                field("rate_limit", &r::rate_limit, word_or("off", rate_limit_type()), "Most requests in a time"),
                field("compress", &r::compress, list(one_of<compression>({{"gzip", compression::gzip}}), 0, 1),
                      "Compress responses that the endpoint did not")});
}

}  // namespace shoal::config
