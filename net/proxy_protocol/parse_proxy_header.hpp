// SPDX-License-Identifier: Apache-2.0
// Looks whether bytes begin with a PROXY header, and what it says. Pure: no byte is consumed or, as long as the header
// lies in one block, copied; what follows the header is not looked at.
//
//   undecided --all of a signature--> incomplete --all of it--> complete | malformed
//      \-----a byte that is in none--> absent
//
// Thread rule: that of the buffer.
#pragma once

#include <shoal/buffers/link_buffer.hpp>
#include <shoal/net/proxy_protocol/proxy_header.hpp>

#include <cstddef>

namespace shoal {

enum class proxy_header_state : std::uint8_t {
  undecided,   ///< nothing, or bytes that a header may begin with
  incomplete,  ///< it is a header, and some of it is not here yet
  absent,      ///< it is something else
  malformed,   ///< it is a header, and a bad one
  complete,
};

struct proxy_header_look {
  proxy_header_state state = proxy_header_state::undecided;
  /// undecided, incomplete: how many bytes must be here before it is worth looking again. complete: those of the
  /// header.
  std::size_t length = 1;
  proxy_header header;         ///< if complete
  proxy_header_error error{};  ///< if malformed
};

[[nodiscard]] proxy_header_look look_at_proxy_header(const link_buffer& input);

}  // namespace shoal
