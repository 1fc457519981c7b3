// SPDX-License-Identifier: Apache-2.0
#include "proxy/screen.hpp"

#include <shoal/core/version.hpp>

#include <fmt/format.h>

#include <sys/utsname.h>
#include <unistd.h>

#include <iterator>

namespace proxy {
namespace {

std::string kernel() {
  utsname name{};
  if (::uname(&name) != 0) return "Linux";
  const std::string release = name.release;
  // "6.18" of "6.18.44-generic": what decides which features there are.
  const auto second_dot = release.find('.', release.find('.') + 1);
  return fmt::format("{} {}", name.sysname, release.substr(0, second_dot));
}

std::string endpoints_of(const shoal::config::upstream_config& upstream) {
  std::string names;
  for (const auto& e : upstream.endpoints) {
    if (!names.empty()) names += ", ";
    names += e.address ? e.address->text() : e.srv;
  }
  return names;
}

std::string target_of(const tcp_proxy& p) {
  const auto& first = p.upstreams().front()->config;
  if (p.is_builtin()) return fmt::format("{} (builtin echo)", first.name);
  if (p.listener().sni.empty()) return fmt::format("{} ({})", first.name, endpoints_of(first));
  std::string names;
  for (const auto& [name, upstream] : p.listener().sni) {
    names += fmt::format("{}{}: {}", names.empty() ? "" : ", ", name, upstream);
  }
  return fmt::format("sni {{ {} }}", names);
}

std::string size_text(std::size_t bytes) { return fmt::format("{} MiB", bytes >> 20U); }

}  // namespace

std::string start_screen(const shoal::runtime& runtime, const generation& now, const admin* states,
                         const file_limit& files, shoal::duration took) {
  std::string text;
  auto out = std::back_inserter(text);
  const auto& built = shoal::build();
  fmt::format_to(out, "shoal-proxy {} ({})  pid {}  {}\n", built.version, built.commit, ::getpid(), kernel());
  const auto& first = runtime.reports().front();
  fmt::format_to(out, "  poller    {} ({})\n", first.poller_name, first.poller_reason);
  for (std::size_t i = 0; i < runtime.shards(); ++i) {
    const auto& where = runtime.plan().shards[i];
    if (where.pinned) {
      fmt::format_to(out, "  shard {}   cpu {}   pinned   {}\n", i, where.cpu, size_text(where.memory));
    } else {
      fmt::format_to(out, "  shard {}   not pinned   {}\n", i, size_text(where.memory));
    }
  }
  for (const auto& [listener, proxy] : now.listeners) {
    for (const auto& where : listener->server().addresses()) {
      fmt::format_to(out, "  listener  {}   tcp {} -> {}\n", proxy->listener().name, to_string(where),
                     target_of(*proxy));
    }
  }
  const std::string where = states == nullptr ? "off" : "http://" + to_string(states->addresses().front());
  fmt::format_to(out, "  admin     {}     files {}, enough for {} pairs\n", where, files.files, files.pairs);
  fmt::format_to(out, "ready in {:.0f} ms\n", static_cast<double>(took.count()) / 1e6);
  return text;
}

std::string hints(const generation& now, const std::string& file) {
  std::string text = "\n";
  auto out = std::back_inserter(text);
  for (const auto& [listener, proxy] : now.listeners) {
    for (const auto& where : listener->server().addresses()) {
      if (!proxy->is_builtin() || where.is_unix()) continue;
      fmt::format_to(out, "  Try it in another terminal:  echo hello | socat - TCP:{}\n", to_string(where));
      break;
    }
  }
  fmt::format_to(out, "  Change it:                   {}\n", file);
  fmt::format_to(out, "  Stop it:                     Ctrl-C\n\n");
  return text;
}

std::string served(const shoal::runtime& runtime, const generation& now) {
  std::uint64_t total = 0;
  std::uint64_t copied = 0;
  std::string shards;
  for (std::size_t i = 0; i < runtime.reports().size(); ++i) {
    std::uint64_t here = 0;
    for (const auto& l : now.listeners) here += l.listener->server().served_by_shard()[i];
    total += here;
    copied += runtime.reports()[i].bytes_copied;
    fmt::format_to(std::back_inserter(shards), "{}shard {}: {}", i == 0 ? "" : ", ", i, here);
  }
  return fmt::format("stopped: {} connection{} ({}), copied {} B", total, total == 1 ? "" : "s", shards, copied);
}

std::string left_over(const shoal::runtime& runtime) {
  std::size_t fds = 0;
  std::size_t blocks = 0;
  std::size_t timers = 0;
  for (const auto& r : runtime.reports()) {
    fds += r.fds;
    blocks += r.blocks;
    timers += r.timers;
  }
  return fmt::format("left over: {} fds, {} blocks, {} timers", fds, blocks, timers);
}

}  // namespace proxy
