// SPDX-License-Identifier: Apache-2.0
// Assertions and the shard's number.
//
// SHOAL_CHECK(cond, "why")   always on: a broken invariant that would corrupt data. Prints and aborts.
// SHOAL_ASSERT(cond)         on when SHOAL_ASSERTIONS is 1 (dev, asan, tsan): programmer errors, owner-shard rules.
#pragma once

#include <cstdint>

#ifndef SHOAL_ASSERTIONS
#ifdef NDEBUG
#define SHOAL_ASSERTIONS 0
#else
#define SHOAL_ASSERTIONS 1
#endif
#endif

namespace shoal {

/// A shard's number inside its runtime, 0 up to `max_shards` - 1.
using shard_id = std::uint16_t;
inline constexpr shard_id no_shard = 0xffff;
/// Most shards a runtime may have; sizes the mail bitmaps (16 words and one summary word).
inline constexpr unsigned max_shards = 1024;

/// Prints "file:line: check failed: text (why)" to stderr and aborts. Never returns.
[[noreturn]] void check_failed(const char* file, int line, const char* text, const char* why) noexcept;

}  // namespace shoal

#define SHOAL_CHECK(cond, why) \
  (__builtin_expect(static_cast<bool>(cond), 1) ? void(0) : ::shoal::check_failed(__FILE__, __LINE__, #cond, why))

#if SHOAL_ASSERTIONS
#define SHOAL_ASSERT(cond) SHOAL_CHECK(cond, "assertion")
#else
#define SHOAL_ASSERT(cond) ((void)sizeof(static_cast<bool>(cond)))
#endif
