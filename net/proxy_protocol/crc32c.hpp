// SPDX-License-Identifier: Apache-2.0
// CRC32c (Castagnoli, RFC 3720 appendix B.4), a byte at a time: it guards headers of some hundred bytes, once per
// connection.
//
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace shoal {

/// The checksum of `bytes`. `before`: that of what stands before them, to sum piece by piece.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

}  // namespace shoal
