// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace shoal::config {
namespace {

void settle_low(const reading& in, const std::string& path, buffer_limits& buffers) {
  if (!in.written(path + ".low")) buffers.low = std::min(buffers.low, buffers.high / 4);
}

void settle_buffers(const reading& in, proxy_config& config) {
  settle_low(in, "defaults.buffers", config.defaults.buffers);
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const std::string path = fmt::format("listeners[{}].buffers", i);
    buffer_limits& buffers = config.listeners[i].buffers;
    const bool says_high = in.written(path + ".high");
    if (!says_high) buffers.high = config.defaults.buffers.high;
    if (!in.written(path + ".low")) buffers.low = std::min(config.defaults.buffers.low, buffers.high);
    if (says_high) settle_low(in, path, buffers);
  }
}

void settle_file(const std::string& folder, std::string& file) {
  if (file.empty() || file == "-") return;
  file = (std::filesystem::path(folder) / file).lexically_normal().string();
}

void settle_files(const std::string& folder, proxy_config& config) {
  settle_file(folder, config.process.pid_file);
  if (config.access_log) settle_file(folder, config.access_log->path);
  for (listener_config& listener : config.listeners) {
    if (!listener.tls) continue;
    for (certificate& pair : listener.tls->certificates) {
      settle_file(folder, pair.cert);
      settle_file(folder, pair.key);
    }
    settle_file(folder, listener.tls->client_ca);
  }
  for (upstream_config& upstream : config.upstreams) {
    if (!upstream.tls) continue;
    settle_file(folder, upstream.tls->ca);
    settle_file(folder, upstream.tls->cert);
    settle_file(folder, upstream.tls->key);
  }
}

}  // namespace

void settle(const reading& in, const std::string& folder, proxy_config& config) {
  for (listener_config& listener : config.listeners) {
    if (listener.name.empty() && !listener.bind.empty()) listener.name = listener.bind.front().text();
  }
  settle_buffers(in, config);
  settle_files(folder, config);
}

}  // namespace shoal::config
