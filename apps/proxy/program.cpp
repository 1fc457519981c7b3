// SPDX-License-Identifier: Apache-2.0
#include "proxy/program.hpp"

#include "proxy/admin.hpp"
#include "proxy/convert.hpp"
#include "proxy/deployment.hpp"
#include "proxy/file_limit.hpp"
#include "proxy/process_setup.hpp"
#include "proxy/reload.hpp"
#include "proxy/screen.hpp"
#include "proxy/systemd_link.hpp"
#include "proxy/upgrade.hpp"
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

void reopen(shoal::logger& log, access_log* access) {
  const auto complain = [&log](const shoal::result<void>& reopened) {
    if (!reopened) log_error(log, "reopening a log: {}", reopened.error());
  };
  complain(log.reopen());
  if (access != nullptr) complain(access->reopen());
}

void listen_to_signals(shoal::runtime& runtime, const deployment& serving, access_log* access, systemd_link& manager,
                       reload& reloads, upgrade& upgrades) {
  const auto stop = [&runtime, &serving, &manager, asked = false]() mutable {
    if (std::exchange(asked, true)) {
      log_warning(runtime.log(), "stopping at once");
      return runtime.stop_now();
    }
    manager.is_stopping();
    const std::uint64_t open = serving.connections();
    log_info(runtime.log(), "draining {} connection{}", open, open == 1 ? "" : "s");
    runtime.stop();
  };
  // One state for both signals: Ctrl-C after SIGTERM is a second one too.
  const auto shared = std::make_shared<std::decay_t<decltype(stop)>>(stop);
  for (const int number : {SIGINT, SIGTERM}) {
    runtime.on_signal(number, [shared] { (*shared)(); });
  }
  runtime.on_signal(SIGUSR1, [&runtime, access] { reopen(runtime.log(), access); });
  runtime.on_signal(SIGHUP, [&runtime, &reloads] {
    if (runtime.is_stopping()) return log_warning(runtime.log(), "SIGHUP: stopping, nothing is reloaded");
    reloads.run();
  });
  runtime.on_signal(SIGUSR2, [&upgrades] { upgrades.run(); });
}

}  // namespace

int run(config::proxy_config config, const std::string& file, command_line command) {
  const auto machine = shoal::make_real_host();
  const shoal::instant began = machine->now();
  const file_limit files = raise_file_limit();
  shoal::handed_sockets handed;
  std::optional<shoal::process_link> predecessor = find_predecessor();
  if (predecessor) {
    if (const auto taken = receive_sockets(*predecessor, handed); !taken) {
      std::fprintf(stderr, "shoal-proxy: taking over the sockets: %s\n", taken.error().message().c_str());
      return 1;
    }
  }
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
  deployment serving{*runtime, access.get(), handed};
  systemd_link manager{*runtime};
  reload reloads{*runtime, serving, manager, files, file, config};
  // Before the listeners: it serves until they have ended.
  std::optional<admin> states;
  if (config.admin) states.emplace(*runtime, *config.admin, serving, reloads, handed);
  serving.declare(config);
  const process_setup process{*runtime, config.process};
  upgrade upgrades{*runtime, serving, states ? &*states : nullptr, manager, std::move(command)};
  listen_to_signals(*runtime, serving, access.get(), manager, reloads, upgrades);
  if (auto started = runtime->start(); !started) {
    std::fprintf(stderr, "shoal-proxy: %s: %s\n", started.error().what.c_str(),
                 started.error().error.message().c_str());
    return 1;
  }
  handed.close_rest();  // of listeners that the file has no more: the process before drains them
  if (states) states->mark_ready();
  if (predecessor) say_ready(*predecessor);
  manager.is_ready(config.listeners.size());
  print(start_screen(*runtime, *serving.now(), states ? &*states : nullptr, files, machine->now() - began));
  if (::isatty(STDOUT_FILENO) == 1) print(hints(*serving.now(), file));
  runtime->wait_for_signals();
  log_info(runtime->log(), "{}", served(*runtime, *serving.now()));
  log_info(runtime->log(), "{}", left_over(*runtime));
  return 0;
}

}  // namespace proxy
