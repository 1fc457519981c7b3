// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin.hpp"

#include <shoal/core/submit.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/writer.hpp>

#include <fmt/format.h>

namespace proxy {
namespace {

/// For the whole request, and for an answer that is not taken.
constexpr shoal::duration patience = std::chrono::seconds{5};
constexpr std::size_t most_connections = 64;
constexpr std::size_t longest_request = 8192;

constexpr std::string_view pages = "/metrics\n/healthz\n/ready\n/upstreams\n";

shoal::server_options options_of(const shoal::config::admin_options& from, shoal::handed_sockets& handed) {
  shoal::server_options made;
  made.outlasts_others = true;
  made.handed = &handed;
  made.name = "admin";
  made.bind = {from.bind.text()};
  made.distribution = shoal::accept_distribution::fixed(0);
  made.rebalance = shoal::rebalance_mode::off;
  made.max_connections = most_connections;
  made.connections.max_message = longest_request;
  made.connections.timeouts.idle = patience;
  made.connections.timeouts.write = patience;
  made.connections.timeouts.linger = patience;
  return made;
}

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 503: return "Service Unavailable";
    default: return "";
  }
}

std::string to_text(const admin_answer& a, const admin_request& asked) {
  const std::string_view allow = a.status == 405 ? "Allow: GET, HEAD\r\n" : "";
  std::string text =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n", a.status,
                  reason_of(a.status), a.type, a.body.size(), allow);
  if (asked.method != "HEAD") text += a.body;
  return text;
}

}  // namespace

admin::admin(shoal::runtime& owner, const shoal::config::admin_options& options, const deployment& serving,
             const reload& reloads, shoal::handed_sockets& handed)
    : runtime_(owner), serving_(serving), reloads_(reloads), server_(owner, options_of(options, handed)) {
  server_.on_connect([this](shoal::connection& c) { return serve(c); });
}

void admin::end() {
  server_.leave_unix_paths();
  server_.stop_accepting([] {});
}

shoal::task<> admin::serve(shoal::connection& client) {
  client.set_read_deadline(deadline_after(client.owner().now(), patience));
  auto head = co_await client.reader().until("\r\n\r\n");
  if (!head && head.error() != shoal::errc::message_too_long) {
    client.close(shoal::close_how::drain);
    co_return;
  }
  admin_request asked;
  if (head) asked = parse_request({reinterpret_cast<const char*>(head->data()), head->size()});
  admin_answer made = at_once(asked);
  if (made.status == 0) {
    auto looking = look(asked.path);
    made = co_await looking;
  }
  if (client.is_active() && client.output().write_owned(to_text(made, asked))) client.flush();
  client.close(shoal::close_how::drain);
}

/// What needs no other shard; status 0 is for what does.
admin_answer admin::at_once(const admin_request& asked) const {
  if (!asked.is_understood) return {.status = 400, .body = "this is no HTTP request\n"};
  if (!asked.may_be_answered()) return {.status = 405, .body = "only GET and HEAD\n"};
  if (asked.path == "/ready") {
    if (!ready_) return {.status = 503, .body = "starting\n"};
    if (runtime_.is_stopping()) return {.status = 503, .body = "stopping\n"};
    return {.body = "ready\n"};
  }
  if (asked.path == "/healthz" || asked.path == "/metrics" || asked.path == "/upstreams") return {.status = 0};
  return {.status = 404, .body = fmt::format("there is:\n{}", pages)};
}

shoal::task<admin_answer> admin::look(std::string path) {
  const generation_ptr now = serving_.now();
  auto asking = ask_all_shards(now);
  const std::vector<proxy_look> shards = co_await asking;
  admin_answer made;
  if (path == "/healthz") {
    made.body = fmt::format("{} of {} shards answer\n", shards.size(), runtime_.shards());
    co_return made;
  }
  auto limiting = ask_limits(now);
  const limits_look limits = co_await limiting;
  if (path == "/metrics") {
    made.type = shoal::metrics_text::content_type;
    made.body = metrics_page(*now, shards, limits, reloads_.last());
  } else {
    made.type = "application/json";
    made.body = upstreams_page(*now, shards, limits);
  }
  co_return made;
}

shoal::task<std::vector<proxy_look>> admin::ask_all_shards(generation_ptr now) {
  std::vector<proxy_look> made;
  const auto shards = static_cast<shoal::shard_id>(runtime_.shards());
  for (shoal::shard_id id = 0; id < shards; ++id) {
    auto asking = shoal::submit_to(id, &look_at, now.get());
    proxy_look one = co_await asking;
    made.push_back(std::move(one));
  }
  co_return made;
}

shoal::task<limits_look> admin::ask_limits(generation_ptr now) {
  limits_look made;
  for (const auto& [name, upstream] : now->upstreams) {
    if (!upstream->limit) continue;
    auto asking = upstream->limit->usage();
    const shoal::limit_usage usage = co_await asking;
    made.emplace(name, usage);
  }
  co_return made;
}

}  // namespace proxy
