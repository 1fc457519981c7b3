// SPDX-License-Identifier: Apache-2.0
#include "bench/schedule.hpp"

#include <cmath>

namespace bench {
namespace {

constexpr double second = 1e9;  // ns

}  // namespace

schedule::schedule(arrival kind, double rate, std::uint64_t core, std::uint64_t cores, std::uint64_t seed) noexcept
    : kind_(kind),
      gap_(kind == arrival::constant ? second / rate : second / rate * static_cast<double>(cores)),
      slot_(core),
      step_(cores),
      // Multiplied, so that core 1 of seed 7 is not core 0 of seed 8.
      random_((seed + 1) * 0x9e3779b97f4a7c15ULL + core) {}

std::int64_t schedule::next() noexcept {
  if (kind_ == arrival::constant) {
    const auto at = static_cast<std::int64_t>(static_cast<double>(slot_) * gap_);
    slot_ += step_;
    return at;
  }
  // 53 random bits, from (0, 1]: the logarithm is finite.
  const double uniform = (static_cast<double>(random_() >> 11U) + 1) * 0x1p-53;
  at_ -= std::log(uniform) * gap_;
  return static_cast<std::int64_t>(at_);
}

}  // namespace bench
