// SPDX-License-Identifier: Apache-2.0
#include <tests/core/allocations.hpp>

#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHOAL_TEST_COUNTS_NEW 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SHOAL_TEST_COUNTS_NEW 0
#endif
#endif
#ifndef SHOAL_TEST_COUNTS_NEW
#define SHOAL_TEST_COUNTS_NEW 1
#endif

namespace {

constinit thread_local std::uint64_t count = 0;

}  // namespace

namespace shoal::test {

bool counts_allocations() noexcept { return SHOAL_TEST_COUNTS_NEW != 0; }
std::uint64_t allocations() noexcept { return count; }

}  // namespace shoal::test

#if SHOAL_TEST_COUNTS_NEW
void* operator new(std::size_t bytes) {
  ++count;
  if (void* memory = std::malloc(bytes != 0 ? bytes : 1)) return memory;
  throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif
