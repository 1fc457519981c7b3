// SPDX-License-Identifier: Apache-2.0
#include "proxy/reload.hpp"

#include "proxy/config_load.hpp"
#include <shoal/core/log_format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace proxy {
namespace {

namespace config = shoal::config;

std::int64_t seconds(std::chrono::system_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

/// "2 added, 1 changed", or "unchanged".
std::string in_words(std::size_t added, std::size_t changed, std::size_t removed) {
  std::string text;
  const auto say = [&text](std::size_t count, const char* what) {
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  };
  say(added, "added");
  say(changed, "changed");
  say(removed, "removed");
  return text.empty() ? "unchanged" : text;
}

}  // namespace

void fit_to_files(config::proxy_config& config, const file_limit& files, shoal::logger& log) {
  for (auto& listener : config.listeners) {
    if (listener.accept.max_connections <= files.pairs) continue;
    log_info(log, "listener {}: max_connections lowered from {} to {}: {} files allow no more (raise ulimit -n)",
             listener.name, listener.accept.max_connections, files.pairs, files.files);
    listener.accept.max_connections = static_cast<std::uint32_t>(files.pairs);
  }
}

reload::reload(shoal::runtime& runtime, deployment& serving, systemd_link& manager, file_limit files, std::string file,
               const config::proxy_config& first)
    : runtime_(runtime),
      serving_(serving),
      manager_(manager),
      files_(files),
      file_(std::move(file)),
      first_(first),
      at_seconds_(seconds(runtime.machine().wall_time())) {}

void reload::run() {
  manager_.is_reloading(runtime_.machine().now());
  successful_ = apply();
  if (successful_) at_seconds_ = seconds(runtime_.machine().wall_time());
  manager_.is_ready(serving_.now()->listeners.size());
}

bool reload::apply() {
  const shoal::instant began = runtime_.machine().now();
  auto wanted = config::load_proxy_config(file_, config::real_surroundings());
  if (!wanted) {
    for (const auto& mistake : wanted.error()) log_error(runtime_.log(), "reload: {}", config::to_text({mistake}));
    log_error(runtime_.log(), "reload: {} is not applied; what runs stays", file_);
    return false;
  }
  warn_of_restart_keys(*wanted);
  fit_to_files(*wanted, files_, runtime_.log());
  const auto changed = serving_.change_to(*wanted);
  if (!changed) {
    log_error(runtime_.log(), "reload: {}: {}; {} is not applied, what runs stays", changed.error().what,
              changed.error().error.message(), file_);
    return false;
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(runtime_.machine().now() - began);
  log_info(runtime_.log(), "reloaded {} in {} ms: listeners {}; upstreams {}", file_, took.count(),
           in_words(changed->listeners_added, changed->listeners_changed, changed->listeners_removed),
           in_words(changed->upstreams_added, changed->upstreams_changed, changed->upstreams_removed));
  return true;
}

/// What the process or a socket was made with stays, and the file is taken as if it said so.
void reload::warn_of_restart_keys(config::proxy_config& wanted) {
  const auto keep = [this](auto& now, const auto& first, const char* key) {
    if (now == first) return;
    log_warning(runtime_.log(), "reload: {} has changed, which takes a restart; the rest is applied", key);
    now = first;
  };
  keep(wanted.runtime, first_.runtime, "runtime");
  keep(wanted.process, first_.process, "process");
  keep(wanted.shutdown, first_.shutdown, "shutdown");
  keep(wanted.log, first_.log, "log");
  keep(wanted.access_log, first_.access_log, "access_log");
  keep(wanted.admin, first_.admin, "admin");
  for (auto& listener : wanted.listeners) {
    for (const auto& [running, proxy] : serving_.now()->listeners) {
      if (running->binds() != binds_of(listener)) continue;
      const auto& had = proxy->listener().accept;
      const std::string name = "listener " + listener.name + ": accept.";
      keep(listener.accept.distribution, had.distribution, (name + "distribution").c_str());
      keep(listener.accept.backlog, had.backlog, (name + "backlog").c_str());
      keep(listener.accept.rebalance, had.rebalance, (name + "rebalance").c_str());
    }
  }
}

}  // namespace proxy
