// SPDX-License-Identifier: Apache-2.0
// token_bucket: so many tokens a second, and at most `burst` at once; in whole numbers, so that nothing is rounded
// away.
//
// Thread rule: whoever owns it. Time is handed in and never goes back.
// Invariant: what is inside and what is outside (taken, and not reported as used) together are at most `burst`. So over
//   any span of time no more than rate * seconds + burst tokens are used, wherever they are.
#pragma once

#include <shoal/buffers/check.hpp>
#include <shoal/core/instant.hpp>

#include <algorithm>
#include <cstdint>

namespace shoal::detail {

class token_bucket {
 public:
  /// Begins full. Up to a billion a second, and as many at once.
  token_bucket(std::int64_t per_second, std::int64_t burst, instant now) noexcept {
    change(per_second, burst, now);
    level_ = room();
  }

  /// From now on. What is inside stays, up to the new burst.
  void change(std::int64_t per_second, std::int64_t burst, instant now) noexcept {
    SHOAL_CHECK(per_second >= 1 && per_second <= unit && burst >= 1 && burst <= unit, "a rate is 1 to 10^9 a second");
    refill(now);
    rate_ = per_second;
    burst_ = burst;
    level_ = std::min(level_, room());
  }
  void refill(instant now) noexcept {
    const std::int64_t passed = std::max<duration::rep>((now - filled_).count(), 0);
    filled_ = std::max(filled_, now);
    if (rate_ == 0) return;
    const std::int64_t missing = std::max<std::int64_t>(room() - level_, 0);
    level_ += passed > missing / rate_ ? missing : passed * rate_;
  }
  [[nodiscard]] std::int64_t whole() const noexcept { return level_ / unit; }
  void take(std::int64_t count) noexcept {
    SHOAL_ASSERT(count <= whole());
    level_ -= count * unit;
    outside_ += count;
  }
  /// Tokens that were taken come back unused, or have been used.
  void give_back(std::int64_t unused, std::int64_t used) noexcept {
    outside_ -= unused + used;
    SHOAL_ASSERT(outside_ >= 0);
    level_ = std::min(level_ + unused * unit, room());
  }
  /// When there will be a whole token, if nothing else happens; `never` while all of them are outside.
  [[nodiscard]] instant next() const noexcept {
    if (room() < unit) return never;
    return filled_ + duration{(std::max<std::int64_t>(unit - level_, 0) + rate_ - 1) / rate_};
  }

 private:
  static constexpr std::int64_t unit = 1'000'000'000;  // of level_ to a token: a rate of one a second makes one a ns

  [[nodiscard]] std::int64_t room() const noexcept { return std::max<std::int64_t>(burst_ - outside_, 0) * unit; }

  std::int64_t rate_ = 0;
  std::int64_t burst_ = 0;
  std::int64_t level_ = 0;
  std::int64_t outside_ = 0;
  instant filled_{};
};

}  // namespace shoal::detail
