// SPDX-License-Identifier: Apache-2.0
// random_source: a small seeded generator (xoshiro256**, by Blackman and Vigna). Seeds come from the host, so a
// simulated run replays. Not for secrets.
//
// Thread rule: one owner.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace shoal {

class random_source {
 public:
  using result_type = std::uint64_t;

  explicit constexpr random_source(std::uint64_t seed) noexcept {
    // splitmix64 spreads any seed, zero included, over the whole state.
    for (auto& word : state_) {
      seed += 0x9e3779b97f4a7c15ULL;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
      z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
      word = z ^ (z >> 31U);
    }
  }

  /// All 64 bits. Also a standard uniform random bit generator.
  constexpr std::uint64_t operator()() noexcept {
    const std::uint64_t value = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return value;
  }
  static constexpr std::uint64_t min() noexcept { return 0; }
  static constexpr std::uint64_t max() noexcept { return std::numeric_limits<std::uint64_t>::max(); }

  /// Uniform in [0, bound); bound > 0. The bias is below bound / 2^64.
  constexpr std::uint64_t below(std::uint64_t bound) noexcept {
    return static_cast<std::uint64_t>((static_cast<__uint128_t>((*this)()) * bound) >> 64U);
  }

 private:
  std::uint64_t state_[4]{};
};

}  // namespace shoal
