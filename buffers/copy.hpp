// SPDX-License-Identifier: Apache-2.0
// The one function that copies payload in user space, and its counter.
//
// Rule: bytes that came from or go to a peer are copied here and nowhere else, so that `bytes_copied` of a shard tells
// the truth: forwarding N bytes must show 0. Encoding an integer is not a copy; gathering one across blocks is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace shoal {

/// Copies `n` bytes and adds them to `counter`. The ranges must not overlap.
inline void copy_counted(std::uint64_t& counter, std::byte* to, const std::byte* from, std::size_t n) noexcept {
  if (n == 0) return;  // memcpy wants valid pointers even for nothing
  std::memcpy(to, from, n);
  counter += n;
}

}  // namespace shoal
