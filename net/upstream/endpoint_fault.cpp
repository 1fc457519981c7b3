// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/endpoint_fault.hpp>

#include <shoal/buffers/errc.hpp>

#include <algorithm>
#include <array>

namespace shoal {

bool is_endpoints_fault(std::error_code connecting) noexcept {
  using enum std::errc;
  constexpr std::array ours{
      too_many_files_open, too_many_files_open_in_system, address_not_available, no_buffer_space,
      not_enough_memory,   operation_not_permitted,       permission_denied,     operation_canceled};
  return static_cast<bool>(connecting) &&
         std::ranges::none_of(ours, [&](std::errc known) { return connecting == known; });
}

std::string connect_words(std::error_code failed) {
  if (failed == std::errc::connection_refused) return "connect refused";
  if (failed == std::errc::connection_reset) return "connect reset";
  if (failed == std::errc::timed_out) return "connect timeout";
  return "connect: " + failed.message();
}

}  // namespace shoal
