// SPDX-License-Identifier: Apache-2.0
// How often this thread has called operator new: test_core replaces it. Under a sanitizer, which has its own, the count
// stays zero and counts_allocations() says so.
#pragma once

#include <cstdint>

namespace shoal::test {

[[nodiscard]] bool counts_allocations() noexcept;
[[nodiscard]] std::uint64_t allocations() noexcept;

}  // namespace shoal::test
