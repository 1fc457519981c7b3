// SPDX-License-Identifier: Apache-2.0
// Counts every allocation from the heap in this program, of all threads, while it is asked to: malloc itself is
// replaced, so neither a library nor operator new gets past it.
//
// Thread rule: any thread.
#pragma once

#include <cstdint>

namespace shoal::test {

/// From now on, from zero.
void start_counting_allocations() noexcept;
/// Calls of malloc, calloc, realloc and their aligned kin since then; counting ends.
[[nodiscard]] std::uint64_t stop_counting_allocations() noexcept;

}  // namespace shoal::test
