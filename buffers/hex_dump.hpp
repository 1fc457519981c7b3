// SPDX-License-Identifier: Apache-2.0
// Bytes as people read them: offset, sixteen values, the same as text. For logs and failed tests.
//
// Thread rule: that of the buffer. Never for payload on its way.
#pragma once

#include <shoal/buffers/pieces.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace shoal {

class link_buffer;

///     0000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|
///     (32 more bytes)
/// At most `most` bytes are shown; each line ends with a newline; nothing for nothing.
[[nodiscard]] std::string hex_dump(piece_range pieces, std::size_t bytes, std::size_t most = 256);
[[nodiscard]] std::string hex_dump(const link_buffer& buffer, std::size_t most = 256);
[[nodiscard]] std::string hex_dump(std::span<const std::byte> bytes, std::size_t most = 256);

}  // namespace shoal
