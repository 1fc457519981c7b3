// SPDX-License-Identifier: Apache-2.0
// What a kernel lacks that shoal needs of io_uring, as error codes whose message says so: one required set, probed at
// start (D12). Comparable to std::errc: permission_denied, not_enough_memory, else not_supported.
#pragma once

#include <system_error>

namespace shoal {

enum class uring_errc {
  forbidden = 1,         ///< seccomp or kernel.io_uring_disabled
  not_in_kernel,         ///< built without it
  no_memory,             ///< RLIMIT_MEMLOCK or a cgroup
  no_deferred_work,      ///< SINGLE_ISSUER with DEFER_TASKRUN: Linux 6.1
  no_timed_wait,         ///< the timeout argument of io_uring_enter, and arguments that may go once submitted
  no_operation,          ///< one of those the poller uses
  no_buffer_ring,        ///< rings of provided buffers
  no_multishot_receive,  ///< receives that fill one provided buffer after the other
};

[[nodiscard]] const std::error_category& uring_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(uring_errc e) noexcept {
  return {static_cast<int>(e), uring_category()};
}

}  // namespace shoal

template <>
struct std::is_error_code_enum<shoal::uring_errc> : std::true_type {};
