// SPDX-License-Identifier: Apache-2.0
// CPU lists as the kernel and the configuration write them: "0-3,6".
//
// Thread rule: plain functions of their arguments.
#pragma once

#include <shoal/buffers/errc.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

/// The largest CPU number understood; bounds what "0-4000000000" may allocate. Linux itself ends at 8192.
inline constexpr unsigned max_cpu = 65535;

/// Sorted, without duplicates. `errc::invalid_argument` unless the text is numbers and ascending ranges joined by
/// commas.
[[nodiscard]] result<std::vector<unsigned>> parse_cpu_list(std::string_view text);

/// "0-3,6"; "" for none. `cpus` sorted.
[[nodiscard]] std::string to_cpu_list(std::span<const unsigned> cpus);

}  // namespace shoal
