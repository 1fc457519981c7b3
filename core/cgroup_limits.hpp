// SPDX-License-Identifier: Apache-2.0
// What the cgroups of this process allow it: CPU time and memory. Version 1, version 2, and machines that mount both.
//
// Thread rule: any thread; reads files, so at start-up only.
// A limit counts wherever it is written: in the process's own cgroup or in any parent that is visible. Files that are
// missing or unreadable mean "no limit", because a container may hide all of them.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

namespace shoal {

struct cgroup_limits {
  static constexpr double no_quota = std::numeric_limits<double>::infinity();
  static constexpr std::size_t no_memory_limit = std::numeric_limits<std::size_t>::max();

  double cpus = no_quota;                      ///< CPU seconds per second: cpu.max or cfs_quota_us / cfs_period_us
  std::size_t memory_bytes = no_memory_limit;  ///< memory.max or memory.limit_in_bytes

  friend bool operator==(const cgroup_limits&, const cgroup_limits&) = default;
};

/// `root` stands before /proc and every mount point; tests hand in a directory of their own.
[[nodiscard]] cgroup_limits read_cgroup_limits(const std::string& root = {});

}  // namespace shoal
