// SPDX-License-Identifier: Apache-2.0
// Draws from a profile. Only integer arithmetic and one product of doubles, so every build draws the same.
//
// Thread rule: the world's thread.
#pragma once

#include <shoal/core/random.hpp>
#include <shoal/core/sim/profile.hpp>

namespace shoal::sim {

class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : random_(seed) {}

  [[nodiscard]] std::uint64_t bits() noexcept { return random_(); }
  /// In [0, bound); bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept { return random_.below(bound); }
  /// What can't happen draws nothing: a profile without a fault runs the same whatever the others are.
  [[nodiscard]] bool happens(double probability) noexcept {
    constexpr double steps = 4294967296.0;
    return probability > 0 && static_cast<double>(random_.below(std::uint64_t{1} << 32U)) < probability * steps;
  }
  [[nodiscard]] duration in(duration_range range) noexcept {
    return range.least +
           duration{static_cast<duration::rep>(span(static_cast<std::uint64_t>((range.most - range.least).count())))};
  }
  [[nodiscard]] std::size_t in(size_range range) noexcept { return range.least + span(range.most - range.least); }

 private:
  [[nodiscard]] std::uint64_t span(std::uint64_t width) noexcept { return width == 0 ? 0 : random_.below(width + 1); }

  random_source random_;
};

}  // namespace shoal::sim
