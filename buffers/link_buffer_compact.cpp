// SPDX-License-Identifier: Apache-2.0
// compact(): large blocks that hold few bytes.
#include <shoal/buffers/link_buffer.hpp>

namespace shoal {

std::size_t link_buffer::compact() noexcept { return 0; }

}  // namespace shoal
