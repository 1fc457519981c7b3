// SPDX-License-Identifier: Apache-2.0
// Integers to and from bytes, in either order, at any alignment. Each compiles to one load or store and at most a swap.
//
// Thread rule: pure functions.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

namespace shoal {

template <std::unsigned_integral T>
[[nodiscard]] constexpr T swap_to(std::endian order, T value) noexcept {
  if constexpr (sizeof(T) == 1) return value;
  if (order == std::endian::native) return value;
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
}

template <std::unsigned_integral T, std::endian Order>
[[nodiscard]] T load(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return swap_to(Order, value);
}

template <std::endian Order, std::unsigned_integral T>
void store(std::byte* to, T value) noexcept {
  value = swap_to(Order, value);
  std::memcpy(to, &value, sizeof(T));
}

}  // namespace shoal
