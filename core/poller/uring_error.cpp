// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/poller/uring_error.hpp>

#include <string>

namespace shoal {
namespace {

class uring_errors final : public std::error_category {
 public:
  const char* name() const noexcept override { return "shoal.io_uring"; }

  std::string message(int value) const override {
    switch (static_cast<uring_errc>(value)) {
      case uring_errc::forbidden: return "io_uring is forbidden here (seccomp or kernel.io_uring_disabled)";
      case uring_errc::not_in_kernel: return "this kernel was built without io_uring";
      case uring_errc::no_memory: return "io_uring gets no memory (RLIMIT_MEMLOCK or a cgroup limit)";
      case uring_errc::no_deferred_work: return "this kernel's io_uring lacks DEFER_TASKRUN (Linux 6.1 has it)";
      case uring_errc::no_timed_wait: return "this kernel's io_uring lacks EXT_ARG, NODROP, SUBMIT_STABLE or CQE_SKIP";
      case uring_errc::no_operation: return "this kernel's io_uring lacks an operation that shoal uses";
      case uring_errc::no_buffer_ring: return "this kernel's io_uring lacks rings of provided buffers";
      case uring_errc::no_multishot_receive: return "this kernel's io_uring lacks multishot receive";
    }
    return "io_uring cannot be used";
  }

  std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<uring_errc>(value)) {
      case uring_errc::forbidden: return std::errc::permission_denied;
      case uring_errc::no_memory: return std::errc::not_enough_memory;
      default: return std::errc::not_supported;
    }
  }
};

}  // namespace

const std::error_category& uring_category() noexcept {
  static const uring_errors category;
  return category;
}

}  // namespace shoal
