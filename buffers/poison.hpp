// SPDX-License-Identifier: Apache-2.0
// Tells AddressSanitizer which slab memory nobody may touch: free blocks and nodes. Empty in every other build.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define SHOAL_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHOAL_POISONS 1
#endif
#endif

#ifdef SHOAL_POISONS
#include <sanitizer/asan_interface.h>
#endif

namespace shoal {

inline void poison([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef SHOAL_POISONS
  __asan_poison_memory_region(memory, bytes);
#endif
}

inline void unpoison([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef SHOAL_POISONS
  __asan_unpoison_memory_region(memory, bytes);
#endif
}

}  // namespace shoal
