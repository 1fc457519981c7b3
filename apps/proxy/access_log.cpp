// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log.hpp"

#include <shoal/buffers/errc.hpp>

#include <fmt/format.h>

namespace proxy {
namespace {

std::string short_duration(shoal::duration d) {
  const auto us = static_cast<double>(d.count()) / 1e3;
  if (us < 1e3) return fmt::format("{:.0f}us", us);
  if (us < 1e6) return fmt::format("{:.1f}ms", us / 1e3);
  return fmt::format("{:.1f}s", us / 1e6);
}

}  // namespace

std::string to_string(const access_record& r) {
  return fmt::format("{} shard={} {} -> {}/{} in={}B out={}B {} end={}", r.listener, r.shard, to_string(r.client),
                     r.upstream, r.endpoint, r.bytes_in, r.bytes_out, short_duration(r.took), r.end);
}

std::string end_word(std::string_view side, std::error_code reason) {
  using shoal::errc;
  if (reason == errc::idle_timeout) return "idle_timeout";
  if (reason == errc::write_timeout) return fmt::format("{}_write_timeout", side);
  if (reason == errc::half_closed_timeout) return "half_closed_timeout";
  if (reason == errc::stopped) return "stopped";
  if (reason == errc::no_memory) return "no_memory";
  if (reason == errc::connect_timeout) return "connect_timeout";
  if (!reason || reason == errc::eof || reason == errc::closed) return fmt::format("{}_eof", side);
  if (reason == std::errc::connection_reset || reason == std::errc::broken_pipe) return fmt::format("{}_reset", side);
  std::string word = fmt::format("{}_{}", side, reason.message());
  for (char& c : word) {
    if (c == ' ') c = '_';
  }
  return word;
}

}  // namespace proxy
