// SPDX-License-Identifier: Apache-2.0
// Where coroutine frames and intrusive nodes come from: the current shard's slab (D9), its reserve included (D15).
//
// Thread rule: allocated and freed on the shard that runs the frame.
#pragma once

#include <cstddef>

namespace shoal::detail {

/// Terminates with a message when even the reserve is used up: a frame has no way to report an error.
[[nodiscard]] void* allocate_frame(std::size_t bytes);
void free_frame(void* frame, std::size_t bytes) noexcept;

}  // namespace shoal::detail
