// SPDX-License-Identifier: Apache-2.0
#include "proxy/program.hpp"

#include "proxy/admin.hpp"
#include "proxy/convert.hpp"
#include "proxy/file_limit.hpp"
#include "proxy/process_setup.hpp"
#include "proxy/screen.hpp"
#include "proxy/shared_upstreams.hpp"
#include "proxy/systemd_link.hpp"
#include "proxy/tcp_proxy.hpp"
#include <shoal/core/log_format.hpp>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>

namespace proxy {
namespace {

namespace config = shoal::config;

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

/// More connections than files would fail one by one at the worst moment; better a lower limit and one line.
void fit_to_files(config::proxy_config& config, const file_limit& files, shoal::logger& log) {
  for (auto& listener : config.listeners) {
    if (listener.accept.max_connections <= files.pairs) continue;
    log_info(log, "listener {}: max_connections lowered from {} to {}: {} files allow no more (raise ulimit -n)",
             listener.name, listener.accept.max_connections, files.pairs, files.files);
    listener.accept.max_connections = static_cast<std::uint32_t>(files.pairs);
  }
}

void reopen(shoal::logger& log, access_log* access) {
  const auto complain = [&log](const shoal::result<void>& reopened) {
    if (!reopened) log_error(log, "reopening a log: {}", reopened.error());
  };
  complain(log.reopen());
  if (access != nullptr) complain(access->reopen());
}

void add_proxies(proxies& all, shoal::runtime& runtime, const config::proxy_config& config,
                 const shared_upstreams& shared, access_log* access) {
  for (const auto& listener : config.listeners) {
    all.push_back(std::make_unique<tcp_proxy>(runtime, listener, config.upstreams, shared, access));
  }
}

void listen_to_signals(shoal::runtime& runtime, const proxies& all, access_log* access, systemd_link& manager) {
  const auto stop = [&runtime, &all, &manager, asked = false]() mutable {
    if (std::exchange(asked, true)) {
      log_warning(runtime.log(), "stopping at once");
      return runtime.stop_now();
    }
    manager.is_stopping();
    std::uint64_t open = 0;
    for (const auto& p : all) open += p->server().connections();
    log_info(runtime.log(), "draining {} connection{}", open, open == 1 ? "" : "s");
    runtime.stop();
  };
  // One state for both signals: Ctrl-C after SIGTERM is a second one too.
  const auto shared = std::make_shared<std::decay_t<decltype(stop)>>(stop);
  for (const int number : {SIGINT, SIGTERM}) {
    runtime.on_signal(number, [shared] { (*shared)(); });
  }
  runtime.on_signal(SIGUSR1, [&runtime, access] { reopen(runtime.log(), access); });
  runtime.on_signal(SIGHUP, [&runtime] {
    log_warning(runtime.log(), "SIGHUP: reloading is not yet supported; the running configuration stays");
  });
}

}  // namespace

int run(config::proxy_config config, const std::string& file) {
  const auto machine = shoal::make_real_host();
  const shoal::instant began = machine->now();
  const file_limit files = raise_file_limit();
  std::unique_ptr<shoal::runtime> runtime;
  std::unique_ptr<access_log> access;
  try {
    runtime = std::make_unique<shoal::runtime>(to_runtime_options(config), machine);
    if (config.access_log) access = std::make_unique<access_log>(*runtime, *config.access_log, machine);
  } catch (const std::system_error& error) {
    std::fprintf(stderr, "shoal-proxy: %s\n", error.what());
    return 1;
  }
  fit_to_files(config, files, runtime->log());
  const shared_upstreams shared{*runtime, config};
  proxies all;
  // Before the listeners: it serves until they have ended.
  std::optional<admin> states;
  if (config.admin) states.emplace(*runtime, config, shared, all);
  systemd_link manager{*runtime};
  add_proxies(all, *runtime, config, shared, access.get());
  const process_setup process{*runtime, config.process};
  listen_to_signals(*runtime, all, access.get(), manager);
  if (auto started = runtime->start(); !started) {
    std::fprintf(stderr, "shoal-proxy: %s: %s\n", started.error().what.c_str(),
                 started.error().error.message().c_str());
    return 1;
  }
  if (states) states->mark_ready();
  manager.is_ready(all.size());
  print(start_screen(*runtime, all, states ? &*states : nullptr, files, machine->now() - began));
  if (::isatty(STDOUT_FILENO) == 1) print(hints(all, file));
  runtime->wait_for_signals();
  log_info(runtime->log(), "{}", served(*runtime, all));
  log_info(runtime->log(), "{}", left_over(*runtime));
  return 0;
}

}  // namespace proxy
