// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/fd_operator.hpp>

#include <shoal/buffers/check.hpp>

namespace shoal {

void fd_operator::accepted(int, socket_name_view) {
  SHOAL_CHECK(false, "accepted() on an operator that is no listener");
}
void fd_operator::accept_failed(std::error_code) {
  SHOAL_CHECK(false, "accept_failed() on an operator that is no listener");
}
void fd_operator::connected(std::error_code) { SHOAL_CHECK(false, "connected() on an operator that did not dial"); }

}  // namespace shoal
