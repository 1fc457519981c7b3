// SPDX-License-Identifier: Apache-2.0
// Where a random test's decisions come from: a seed, or the bytes a fuzzer invents. One driver serves both.
//
// Thread rule: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace shoal::test {

class choices {
 public:
  /// Endless, from a seed.
  explicit choices(std::uint64_t seed) noexcept : state_{seed} {}
  /// Until the bytes are used up; from then on every choice is 0 and exhausted() is true.
  explicit choices(std::span<const std::uint8_t> bytes) noexcept : bytes_{bytes}, scripted_{true} {}

  /// A number in [0, n).
  [[nodiscard]] std::uint32_t below(std::size_t n) noexcept {
    if (n < 2) return 0;
    return scripted_ ? scripted(n) : static_cast<std::uint32_t>((draw() >> 32) * n >> 32);
  }
  [[nodiscard]] bool one_in(std::size_t n) noexcept { return below(n) == n - 1; }
  [[nodiscard]] bool exhausted() const noexcept { return scripted_ && bytes_.empty(); }

 private:
  /// splitmix64: small, fast, and good enough to pick operations.
  std::uint64_t draw() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  std::uint32_t scripted(std::size_t n) noexcept {
    std::uint32_t value = 0;
    for (std::size_t range = 1; range < n && !bytes_.empty(); range <<= 8) {
      value = value << 8 | bytes_.front();
      bytes_ = bytes_.subspan(1);
    }
    return static_cast<std::uint32_t>(value % n);
  }

  std::uint64_t state_ = 0;
  std::span<const std::uint8_t> bytes_;
  bool scripted_ = false;
};

}  // namespace shoal::test
