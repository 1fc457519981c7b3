// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log.hpp"

#include <shoal/buffers/errc.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iterator>
#include <utility>

namespace proxy {
namespace {

std::string short_duration(shoal::duration d) {
  const auto us = static_cast<double>(d.count()) / 1e3;
  if (us < 1e3) return fmt::format("{:.0f}us", us);
  if (us < 1e6) return fmt::format("{:.1f}ms", us / 1e3);
  return fmt::format("{:.1f}s", us / 1e6);
}

/// Milliseconds with microseconds behind the point.
nlohmann::ordered_json milliseconds(std::optional<shoal::duration> d) {
  if (!d) return nullptr;
  const auto us = d->count() / 1000;
  return static_cast<double>(us) / 1e3;
}

}  // namespace

std::string to_text(const access_record& r) {
  std::string line = fmt::format("{} shard={} {} -> {}/{} in={}B out={}B", r.listener, r.shard, to_string(r.client),
                                 r.upstream, r.endpoint, r.bytes_in, r.bytes_out);
  const auto to_line = std::back_inserter(line);
  if (r.connect) fmt::format_to(to_line, " connect={}", short_duration(*r.connect));
  if (r.first_byte) fmt::format_to(to_line, " first_byte={}", short_duration(*r.first_byte));
  fmt::format_to(to_line, " {}", short_duration(r.took));
  if (r.attempts > 1) fmt::format_to(to_line, " attempts={}", r.attempts);
  fmt::format_to(to_line, " end={}", r.end);
  return line;
}

std::string to_json(const access_record& r, std::chrono::system_clock::time_point ended) {
  const auto name = [](std::string_view text) -> nlohmann::ordered_json {
    if (text == "-") return nullptr;
    return text;
  };
  const nlohmann::ordered_json made{{"time", shoal::utc_text(ended)},
                                    {"listener", r.listener},
                                    {"client", to_string(r.client)},
                                    {"upstream", name(r.upstream)},
                                    {"endpoint", name(r.endpoint)},
                                    {"shard", r.shard},
                                    {"bytes_in", r.bytes_in},
                                    {"bytes_out", r.bytes_out},
                                    {"connect_ms", milliseconds(r.connect)},
                                    {"first_byte_ms", milliseconds(r.first_byte)},
                                    {"duration_ms", milliseconds(r.took)},
                                    {"attempts", r.attempts},
                                    {"end", r.end}};
  return made.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
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

access_log::access_log(shoal::runtime& owner, shoal::config::access_log_options options,
                       std::shared_ptr<shoal::host> machine)
    : runtime_(owner), options_(std::move(options)), machine_(std::move(machine)) {
  runtime_.add(*this);
}

access_log::~access_log() { runtime_.remove(*this); }

std::expected<void, shoal::start_failure> access_log::prepare(shoal::runtime& owner) {
  texts_.assign(owner.shards(), shoal::log_line_writer{shoal::log_style::text});
  try {
    lines_ = std::make_unique<shoal::shard_log>(options_.path, owner.shards(), machine_, owner.log());
  } catch (const std::system_error& error) {
    return std::unexpected{shoal::start_failure{error.code(), "access log " + options_.path}};
  }
  return {};
}

void access_log::finished() noexcept { lines_.reset(); }

void access_log::write(const access_record& record) {
  const auto ended = lines_->wall_time(record.ended);
  if (options_.format == "json") {
    lines_->write(record.shard, to_json(record, ended) + '\n');
  } else {
    lines_->write(record.shard, texts_[record.shard].line(ended, shoal::log_level::info, to_text(record)));
  }
}

shoal::result<void> access_log::reopen() { return lines_->reopen(); }

}  // namespace proxy
