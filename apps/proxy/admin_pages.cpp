// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin_pages.hpp"

#include "proxy/convert.hpp"
#include "proxy/process_metrics.hpp"
#include <shoal/core/version.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace proxy {
namespace {

namespace config = shoal::config;

/// An endpoint with what every shard has, summed over the listeners that use its upstream.
struct endpoint_row {
  const config::endpoint_config* what;
  std::string name;
  std::vector<endpoint_look> by_shard;
};

struct upstream_rows {
  const config::upstream_config* what;
  std::vector<endpoint_row> endpoints;
};

std::vector<upstream_rows> rows_of(const generation& now, std::span<const proxy_look> shards) {
  std::vector<upstream_rows> made;
  for (std::size_t l = 0; l < now.listeners.size(); ++l) {
    const tcp_proxy& proxy = *now.listeners[l].proxy;
    if (proxy.is_builtin()) continue;
    for (std::size_t u = 0; u < proxy.upstreams().size(); ++u) {
      const auto* what = &proxy.upstreams()[u]->config;
      auto rows = std::ranges::find(made, what, &upstream_rows::what);
      if (rows == made.end()) {
        made.push_back({.what = what, .endpoints = {}});
        rows = made.end() - 1;
        for (const auto& e : what->endpoints) {
          rows->endpoints.push_back({.what = &e,
                                     .name = e.address ? e.address->text() : e.srv,
                                     .by_shard = std::vector<endpoint_look>(shards.size())});
        }
      }
      for (std::size_t s = 0; s < shards.size(); ++s) {
        for (std::size_t e = 0; e < rows->endpoints.size(); ++e) {
          // Listeners agree on who is up: one upstream_health tells them all.
          rows->endpoints[e].by_shard[s].add(shards[s].listeners[l].upstreams[u][e]);
        }
      }
    }
  }
  return made;
}

endpoint_look total_of(const endpoint_row& row) {
  endpoint_look sum;
  for (const auto& here : row.by_shard) sum.add(here);
  return sum;
}

void write_listeners(shoal::metrics_text& page, const generation& now, std::span<const proxy_look> shards) {
  const auto each = [&](auto value_of) {
    for (std::size_t l = 0; l < now.listeners.size(); ++l) {
      for (const auto& s : shards) {
        page.sample({{"listener", now.listeners[l].proxy->listener().name}, {"shard", std::to_string(s.shard.id)}},
                    value_of(s.listeners[l]));
      }
    }
  };
  page.gauge("shoal_listener_connections", "Open connections of clients");
  each([](const listener_look& l) { return l.connections; });
  page.counter("shoal_listener_received_bytes_total", "Bytes from clients whose connections have ended");
  each([](const listener_look& l) { return l.done.bytes_in; });
  page.counter("shoal_listener_sent_bytes_total", "Bytes to clients whose connections have ended");
  each([](const listener_look& l) { return l.done.bytes_out; });
  page.counter("shoal_listener_connections_total", "Connections that have ended, by how: the words of the access log");
  for (std::size_t l = 0; l < now.listeners.size(); ++l) {
    for (const auto& s : shards) {
      for (const auto& [end, count] : s.listeners[l].done.ends) {
        page.sample({{"listener", now.listeners[l].proxy->listener().name},
                     {"shard", std::to_string(s.shard.id)},
                     {"end", end}},
                    count);
      }
    }
  }
}

void write_upstreams(shoal::metrics_text& page, const std::vector<upstream_rows>& all) {
  const auto each = [&](auto value_of) {
    for (const auto& rows : all) {
      for (const auto& row : rows.endpoints) {
        for (std::size_t s = 0; s < row.by_shard.size(); ++s) {
          page.sample({{"upstream", rows.what->name}, {"endpoint", row.name}, {"shard", std::to_string(s)}},
                      value_of(row.by_shard[s]));
        }
      }
    }
  };
  page.gauge("shoal_upstream_endpoint_up", "1: the shard sends clients there; 0: it is down or ejected");
  each([](const endpoint_look& e) { return std::uint64_t{e.up ? 1U : 0U}; });
  page.gauge("shoal_upstream_connections", "Connections that are open or being opened");
  each([](const endpoint_look& e) { return e.connections; });
  page.counter("shoal_upstream_connects_total", "Attempts to connect");
  each([](const endpoint_look& e) { return e.attempts; });
  page.counter("shoal_upstream_connect_failures_total", "Attempts to connect that failed");
  each([](const endpoint_look& e) { return e.failures; });
}

void write_limits(shoal::metrics_text& page, const limits_look& limits) {
  const auto each = [&](auto value_of) {
    for (const auto& [name, usage] : limits) {
      page.sample({{"upstream", name}}, static_cast<std::uint64_t>(std::max<std::int64_t>(value_of(usage), 0)));
    }
  };
  page.gauge("shoal_upstream_limit_in_use", "Connections under limits.max_connections");
  each([](const shoal::limit_usage& u) { return u.in_use; });
  page.gauge("shoal_upstream_limit_waiting", "Clients that wait for a connection");
  each([](const shoal::limit_usage& u) { return u.waiting; });
}

nlohmann::ordered_json to_json(const endpoint_row& row) {
  const endpoint_look sum = total_of(row);
  nlohmann::ordered_json made;
  made["endpoint"] = row.name;
  made["weight"] = row.what->weight;
  made["up"] = sum.up;
  made["connections"] = sum.connections;
  made["connects"] = sum.attempts;
  made["connect_failures"] = sum.failures;
  auto& by_shard = made["connections_by_shard"] = nlohmann::ordered_json::array();
  for (const auto& here : row.by_shard) by_shard.push_back(here.connections);
  return made;
}

}  // namespace

proxy_look look_at(const generation* now) {
  shoal::shard& here = shoal::shard::current();
  proxy_look made{.shard = shoal::look_at(here), .listeners = {}};
  for (const served_listener& l : now->listeners) {
    made.listeners.push_back({.connections = l.listener->server().connections_on(here.id()),
                              .done = l.listener->traffic()->at(here.id()),
                              .upstreams = l.proxy->look(here.id())});
  }
  return made;
}

std::string metrics_page(const generation& now, std::span<const proxy_look> shards, const limits_look& limits,
                         const reload::outcome& last_reload) {
  shoal::metrics_text page;
  page.gauge("shoal_build_info", "Always 1");
  page.sample({{"version", shoal::build().version}, {"commit", shoal::build().commit}}, std::uint64_t{1});
  page.gauge("shoal_config_last_reload_successful", "1: the newest file is what runs; 0: it was refused");
  page.sample({}, std::uint64_t{last_reload.successful ? 1U : 0U});
  page.gauge("shoal_config_last_reload_success_timestamp_seconds", "When a file was applied last, the start included");
  page.sample({}, static_cast<std::uint64_t>(last_reload.at_seconds));
  write_process_metrics(page);
  std::vector<shoal::shard_metrics> own;
  own.reserve(shards.size());
  for (const auto& s : shards) own.push_back(s.shard);
  shoal::write_metrics(page, own);
  write_listeners(page, now, shards);
  write_upstreams(page, rows_of(now, shards));
  if (!limits.empty()) write_limits(page, limits);
  return page.text();
}

std::string upstreams_page(const generation& now, std::span<const proxy_look> shards, const limits_look& limits) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& rows : rows_of(now, shards)) {
    nlohmann::ordered_json made;
    made["name"] = rows.what->name;
    made["balance"] = to_string(to_upstream_options(*rows.what).balance);
    if (const auto found = limits.find(rows.what->name); found != limits.end()) {
      made["limit"] = {{"max_connections", rows.what->limits.max_connections.value_or(0)},
                       {"in_use", found->second.in_use},
                       {"waiting", found->second.waiting}};
    }
    auto& endpoints = made["endpoints"] = nlohmann::ordered_json::array();
    for (const auto& row : rows.endpoints) endpoints.push_back(to_json(row));
    list.push_back(std::move(made));
  }
  return nlohmann::ordered_json{{"upstreams", std::move(list)}}.dump(2) + '\n';
}

}  // namespace proxy
