// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_types.hpp"

#include <shoal/net/config/composite_types.hpp>
#include <shoal/net/config/option_types.hpp>
#include <shoal/net/config/scalar_types.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <expected>
#include <optional>
#include <string_view>

namespace shoal::config {
namespace {

constexpr std::size_t most_listeners = 1024;
constexpr std::size_t most_upstreams = 10'000;
constexpr std::size_t most_networks = 1024;

// RFC 9110, token.
bool is_token(std::string_view text) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
  };
  return !text.empty() && std::ranges::all_of(text, is_allowed);
}

std::optional<problem> check_header_name(std::string_view name) {
  if (is_token(name)) return std::nullopt;
  return problem{fmt::format("{} can't be the name of a header", in_quotes(name)), "letters, digits and `-`"};
}

std::expected<std::string, problem> check_header_value(std::string_view value) {
  const bool has_control = std::ranges::any_of(value, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
  if (!has_control) return std::string(value);
  return std::unexpected(problem{"a control byte in the value of a header", "remove it"});
}

type<std::string> log_format_type() {
  static const std::vector<std::string> words{"text", "json", "common", "combined"};
  return scalar<std::string>(
      {.words = "a format string", .example = "$client $status", .names = words, .is_text = true},
      [](std::string_view text) -> std::expected<std::string, problem> {
        const bool is_word = std::ranges::find(words, text) != words.end();
        if (is_word || text.contains('$')) return std::string(text);
        return std::unexpected(wrong_word(text, words));
      },
      [](const std::string& value) { return value; });
}

type<process_options> process_type() {
  using p = process_options;
  return object<p>(
      "process",
      {field("user", &p::user, text("name", "shoal"), "Who it becomes once all addresses are bound and logs are open")
           .default_is("who starts it"),
       field("group", &p::group, text("name", "shoal"), "Its group").default_is("the user's"),
       field("pid_file", &p::pid_file, file_type("/run/shoal-proxy.pid"), "Where its process id is, while it runs")});
}

type<access_log_options> access_log_type() {
  using a = access_log_options;
  return object<a>(
      "access_log",
      {field("path", &a::path, text("file", "/var/log/shoal/access.log"),
             "The file that gets a line for each connection; `-` is standard output"),
       field("format", &a::format, log_format_type(),
             "How its lines look. `text` is for people; `json` is an object a line: time, listener, client, "
             "upstream, endpoint, shard, bytes_in, bytes_out, connect_ms, first_byte_ms, duration_ms, "
             "attempts, end")
           .today_only({"text", "json"})});
}

type<admin_options> admin_type() {
  return object<admin_options>(
      "admin", {field("bind", &admin_options::bind, bind_type(), "Where metrics and states are served").required()});
}

type<network> network_type() {
  return scalar<network>({.words = "network", .example = "10.0.0.0/8", .is_text = true}, parse_network,
                         [](const network& value) { return value.text(); });
}

type<default_options> defaults_type() {
  return object<default_options>(
      "defaults", {field("buffers", &default_options::buffers, buffers_type(), "For listeners without `buffers`")});
}

type<proxy_config> make_proxy_type() {
  using p = proxy_config;
  return object<p>(
      "file",
      {field("runtime", &p::runtime, runtime_type(), "Shards, CPUs, memory"),
       field("process", &p::process, process_type(), "What the operating system knows of it"),
       field("shutdown", &p::shutdown, shutdown_type(), "What SIGTERM and SIGINT do; a second one stops at once"),
       field("log", &p::log, log_type(), "What the proxy says about itself, on standard error"),
       field("access_log", &p::access_log, word_or("off", access_log_type()), "A line for each connection"),
       field("admin", &p::admin, word_or("off", admin_type()), "Metrics and states over HTTP"),
       field("trusted_proxies", &p::trusted_proxies, list(network_type(), 0, most_networks),
             "Whose forwarded headers are believed; others' are dropped")
           .not_yet(),
       field("defaults", &p::defaults, defaults_type(), "For listeners and upstreams that don't say"),
       field("listeners", &p::listeners, list(listener_type(), 1, most_listeners),
             "Where to listen, and what happens then")
           .required(),
       field("upstreams", &p::upstreams, list(upstream_type(), 0, most_upstreams),
             "Groups of endpoints that listeners refer to by name")});
}

}  // namespace

const type<proxy_config>& proxy_type() {
  static const type<proxy_config> description = make_proxy_type();
  return description;
}

type<std::string> upstream_name_type() { return name_text("name of an upstream", "api"); }

type<std::string> file_type(std::string example) { return text("file", std::move(example)); }

type<std::string> header_name_type() {
  return text("header", "x-debug", [](std::string_view name) -> std::expected<std::string, problem> {
    if (auto wrong = check_header_name(name)) return std::unexpected(*std::move(wrong));
    return std::string(name);
  });
}

type<text_map> header_map_type() { return map(text("text", "1", check_header_value), check_header_name); }

type<std::string> selector_type(std::vector<std::string> words, std::vector<std::string> prefixes) {
  scalar_shape shape{.names = words};
  for (const std::string& prefix : prefixes) {
    shape.words += fmt::format("{}`{}NAME`", shape.words.empty() ? "" : ", ", prefix);
    shape.pattern += fmt::format("{}{}.+", shape.pattern.empty() ? "" : "|", prefix);
  }
  auto parse = [words = std::move(words),
                prefixes = std::move(prefixes)](std::string_view value) -> std::expected<std::string, problem> {
    if (std::ranges::find(words, value) != words.end()) return std::string(value);
    for (const std::string& prefix : prefixes) {
      if (value.starts_with(prefix) && is_token(value.substr(prefix.size()))) return std::string(value);
    }
    problem wrong = wrong_word(value, words);
    for (const std::string& prefix : prefixes) wrong.hint += fmt::format(", `{}NAME`", prefix);
    return std::unexpected(std::move(wrong));
  };
  return scalar<std::string>(std::move(shape), std::move(parse), [](const std::string& value) { return value; });
}

}  // namespace shoal::config
