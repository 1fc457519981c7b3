// SPDX-License-Identifier: Apache-2.0
// The limit on open files, raised as far as it goes, and what it allows.
#pragma once

#include <cstdint>

namespace proxy {

struct file_limit {
  std::uint64_t files = 0;  ///< descriptors this process may have, after raising the soft limit to the hard one
  std::uint64_t pairs = 0;  ///< proxied connections that fit: two descriptors each, less some for everything else
};

/// Once, before anything is opened.
[[nodiscard]] file_limit raise_file_limit();

}  // namespace proxy
