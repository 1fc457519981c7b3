// SPDX-License-Identifier: Apache-2.0
// Ties the calling thread to a CPU and memory to a NUMA node.
//
// Thread rule: each acts on the calling thread, or on memory the caller owns.
// These are one system call each; hwloc would do the same through a loaded topology, 3 ms per shard.
#pragma once

#include <shoal/buffers/errc.hpp>

#include <cstddef>

namespace shoal {

/// The calling thread runs on this CPU only. Fails with EINVAL if it isn't in the process's cpuset.
[[nodiscard]] result<void> bind_this_thread(unsigned cpu) noexcept;

/// What ps, top and perf show. At most 15 characters; the rest is cut.
void name_this_thread(const char* name) noexcept;

/// Pages of [memory, memory + bytes) that nobody touched yet will come from this node while it has any. `memory` must
/// be page aligned. Advice: a kernel that can't (no NUMA, a seccomp filter) answers with an error that callers may
/// ignore.
result<void> bind_memory(void* memory, std::size_t bytes, unsigned numa) noexcept;

}  // namespace shoal
