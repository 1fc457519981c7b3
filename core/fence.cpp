// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/fence.hpp>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shoal {

fence_kind choose_fence() noexcept {
#if SHOAL_TSAN
  return fence_kind::read_modify_write;
#else
  static const bool registered = ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return registered ? fence_kind::membarrier : fence_kind::read_modify_write;
#endif
}

void sleeper_fence(fence_kind kind, bool alone, std::atomic<bool>& asleep) noexcept {
  // A store that is also a full barrier for this core; enough when the other side has one too. The only store: a plain
  // one before it would hide the sender's read-modify-write from it, with which it must synchronise.
  asleep.exchange(true, std::memory_order_seq_cst);
  if (kind == fence_kind::membarrier && !alone) {
    ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
  }
}

}  // namespace shoal
