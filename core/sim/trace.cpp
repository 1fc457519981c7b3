// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/trace.hpp>

#include <array>
#include <cinttypes>
#include <cstdio>

namespace shoal::sim {

std::string_view to_string(trace_event what) noexcept {
  switch (what) {
    case trace_event::turn: return "turn";
    case trace_event::sleep: return "sleep";
    case trace_event::wake: return "wake";
    case trace_event::opened: return "opened";
    case trace_event::closed: return "closed";
    case trace_event::dialled: return "dialled";
    case trace_event::connected: return "connected";
    case trace_event::accepted: return "accepted";
    case trace_event::accept_failed: return "accept_failed";
    case trace_event::sent: return "sent";
    case trace_event::arrived: return "arrived";
    case trace_event::received: return "received";
    case trace_event::finished: return "finished";
    case trace_event::reset: return "reset";
    case trace_event::broken: return "broken";
    case trace_event::syn_lost: return "syn_lost";
    case trace_event::message_held: return "message_held";
    case trace_event::seeded: return "seeded";
    case trace_event::clock_set: return "clock_set";
  }
  return "unknown";
}

/// FNV-1a's step on whole words, with a shift so that high bits reach the low ones.
void trace::mix(std::uint64_t word) noexcept {
  hash_ = (hash_ ^ word) * 0x100000001b3ULL;
  hash_ ^= hash_ >> 29U;
}

void trace::add(instant when, std::uint32_t host, trace_event what, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  ++events_;
  mix(static_cast<std::uint64_t>(when.time_since_epoch().count()));
  mix(std::uint64_t{host} << 8U | static_cast<std::uint64_t>(what));
  mix(a);
  mix(b);
  mix(c);
  if (!sink_) return;
  std::array<char, 160> line;
  const auto time = when.time_since_epoch().count();
  const std::string_view name = to_string(what);
  const int size = std::snprintf(
      line.data(), line.size(), "%" PRId64 ".%09" PRId64 " host %" PRIu32 " %.*s %" PRIu64 " %" PRIu64 " 0x%" PRIx64,
      static_cast<std::int64_t>(time / 1'000'000'000), static_cast<std::int64_t>(time % 1'000'000'000), host,
      static_cast<int>(name.size()), name.data(), a, b, c);
  sink_({line.data(), static_cast<std::size_t>(size)});
}

std::uint64_t hash_bytes(std::span<const std::byte> bytes) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::byte one : bytes) hash = (hash ^ static_cast<std::uint64_t>(one)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace shoal::sim
