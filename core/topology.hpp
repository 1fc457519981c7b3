// SPDX-License-Identifier: Apache-2.0
// The machine as this process may use it: its CPUs, how they lie together, and what limits it.
//
// Thread rule: plain data; discover() at start-up only (it reads files and the calling thread's affinity mask).
// hwloc stays behind this header.
#pragma once

#include <shoal/core/cgroup_limits.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace shoal {

/// One logical CPU. All numbers but os_index are only names for "the same one": equal numbers, same thing.
struct cpu {
  unsigned os_index = 0;  ///< what the kernel and people call it
  unsigned core = 0;      ///< physical core; hyper-threads share it
  unsigned package = 0;
  unsigned numa = 0;      ///< kernel's number of the nearest memory node
  unsigned l3 = 0;        ///< last-level cache
  unsigned smt_rank = 0;  ///< 0 for the first hyper-thread of its core
  unsigned speed = 0;     ///< higher is faster where cores differ (hybrid machines); else 0

  friend bool operator==(const cpu&, const cpu&) = default;
};

struct topology {
  std::vector<cpu> cpus;                   ///< in the affinity mask, by os_index; never empty
  double quota = cgroup_limits::no_quota;  ///< CPUs' worth of time from the cgroup; infinity if unlimited
  std::size_t memory_limit_bytes = 0;      ///< the cgroup's limit or the machine's memory, whichever is less
};

/// What from_synthetic and from_xml add to a described machine.
struct confinement {
  std::vector<unsigned> mask;  ///< empty = every CPU
  cgroup_limits limits;
};

/// This machine. Throws std::system_error if it can't be read. `root`: see read_cgroup_limits.
[[nodiscard]] topology discover(const std::string& root = {});

/// A machine from hwloc's notation ("pack:2 l3:8 core:8 pu:2") or from XML as `lstopo --of xml` writes it (a file
/// name). Throws std::system_error if hwloc refuses it or the mask leaves no CPU.
[[nodiscard]] topology from_synthetic(const std::string& description, const confinement& within = {});
[[nodiscard]] topology from_xml(const std::string& path, const confinement& within = {});

}  // namespace shoal
