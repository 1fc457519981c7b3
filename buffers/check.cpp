// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/check.hpp>

#include <cstdio>
#include <cstdlib>

namespace shoal {

void check_failed(const char* file, int line, const char* text, const char* why) noexcept {
  std::fprintf(stderr, "%s:%d: check failed: %s (%s)\n", file, line, text, why);
  std::fflush(stderr);
  std::abort();
}

}  // namespace shoal
