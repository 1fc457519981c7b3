// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/fd_operator.hpp>

#include <shoal/buffers/check.hpp>

namespace shoal {

void fd_operator::input_block(block_ref&&, std::size_t) {
  SHOAL_CHECK(false, "a block for an operator that takes none");
}
std::size_t fd_operator::outputs_held(std::span<iovec> pieces, std::span<block_ref>) { return outputs(pieces); }
void fd_operator::accepted(int, socket_name_view) {
  SHOAL_CHECK(false, "accepted() on an operator that is no listener");
}
void fd_operator::accept_failed(std::error_code) {
  SHOAL_CHECK(false, "accept_failed() on an operator that is no listener");
}
void fd_operator::connected(std::error_code) { SHOAL_CHECK(false, "connected() on an operator that did not dial"); }

}  // namespace shoal
