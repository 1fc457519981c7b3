// SPDX-License-Identifier: Apache-2.0
// Whose fault it is that connecting failed, and the words for it.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <system_error>

namespace shoal {

/// False for what is wrong on this side, and says nothing about the endpoint: no descriptors, ports or memory left, a
/// stop, a caller who gave up.
[[nodiscard]] bool is_endpoints_fault(std::error_code connecting) noexcept;

/// "connect refused", "connect timeout", "connect: No route to host".
[[nodiscard]] std::string connect_words(std::error_code failed);

}  // namespace shoal
