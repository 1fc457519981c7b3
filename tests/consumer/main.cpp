// SPDX-License-Identifier: Apache-2.0
// The smallest program of somebody else.
#include <cstdio>

#include <shoal/core/version.hpp>

int main() {
  const shoal::build_info& info = shoal::build();
  std::printf("shoal %s\n", info.version.data());
}
