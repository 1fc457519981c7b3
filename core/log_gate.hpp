// SPDX-License-Identifier: Apache-2.0
// At most one log line per interval about something that may happen a million times a second.
//
//   if (const auto skipped = gate.pass(now)) log_warning(log, "accept: {} ({} more since the last line)", error,
//   *skipped);
//
// Thread rule: one shard.
#pragma once

#include <shoal/core/instant.hpp>

#include <cstdint>
#include <optional>
#include <utility>

namespace shoal {

class log_gate {
 public:
  explicit constexpr log_gate(duration interval) noexcept : interval_{interval} {}

  /// Whether to log now: how many were suppressed since the last time it said yes, or nothing.
  [[nodiscard]] std::optional<std::uint64_t> pass(instant now) noexcept {
    if (now < opens_) {
      ++suppressed_;
      return std::nullopt;
    }
    opens_ = now + interval_;
    return std::exchange(suppressed_, 0);
  }

 private:
  duration interval_;
  instant opens_ = instant::min();
  std::uint64_t suppressed_ = 0;
};

}  // namespace shoal
