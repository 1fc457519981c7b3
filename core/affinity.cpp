// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/affinity.hpp>

#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

namespace shoal {

result<void> bind_this_thread(unsigned cpu) noexcept {
  // cpu_set_t ends at 1024; Linux does at 8192.
  constexpr unsigned max_linux_cpus = 8192;
  constexpr unsigned word_bits = sizeof(unsigned long) * CHAR_BIT;
  std::array<unsigned long, max_linux_cpus / word_bits> mask{};
  if (cpu >= max_linux_cpus) return fail_errno(EINVAL);
  mask[cpu / word_bits] = 1UL << (cpu % word_bits);
  // Not the glibc wrapper: it wants a cpu_set_t. Thread 0 is the caller.
  if (::syscall(SYS_sched_setaffinity, 0, sizeof mask, mask.data()) < 0) return fail_errno(errno);
  return {};
}

void name_this_thread(const char* name) noexcept {
  std::array<char, 16> cut{};
  std::strncpy(cut.data(), name, cut.size() - 1);
  ::pthread_setname_np(::pthread_self(), cut.data());
}

result<void> bind_memory(void* memory, std::size_t bytes, unsigned numa) noexcept {
  constexpr unsigned max_nodes = 1024;
  constexpr unsigned word_bits = sizeof(unsigned long) * CHAR_BIT;
  std::array<unsigned long, max_nodes / word_bits> nodes{};
  if (numa >= max_nodes) return fail_errno(EINVAL);
  nodes[numa / word_bits] = 1UL << (numa % word_bits);
  // PREFERRED, not BIND: a full node must not kill the process while another has memory. The kernel counts maxnode from
  // one.
  if (::syscall(SYS_mbind, memory, bytes, MPOL_PREFERRED, nodes.data(), max_nodes + 1, 0U) < 0)
    return fail_errno(errno);
  return {};
}

}  // namespace shoal
