// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/topology.hpp>

#include <hwloc.h>
#include <hwloc/cpukinds.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <type_traits>

namespace shoal {
namespace {

struct destroy {
  void operator()(hwloc_topology_t machine) const noexcept { hwloc_topology_destroy(machine); }
};
using machine_ptr = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, destroy>;

struct free_bitmap {
  void operator()(hwloc_bitmap_t bits) const noexcept { hwloc_bitmap_free(bits); }
};
using bitmap_ptr = std::unique_ptr<std::remove_pointer_t<hwloc_bitmap_t>, free_bitmap>;

void must(int status, const char* what) {
  if (status < 0) throw std::system_error{errno, std::system_category(), what};
}

template <class Describe>
machine_ptr load(Describe describe) {
  hwloc_topology_t raw = nullptr;
  must(hwloc_topology_init(&raw), "hwloc_topology_init");
  machine_ptr machine{raw};
  // Without DONT_CHANGE_BINDING, hwloc's x86 back end visits every CPU with the calling thread.
  must(hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING | HWLOC_TOPOLOGY_FLAG_NO_DISTANCES |
                                         HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS),
       "hwloc_topology_set_flags");
  describe(raw);
  must(hwloc_topology_load(raw), "hwloc_topology_load");
  return machine;
}

/// The number of the object of this type above a CPU, or `otherwise` on machines that don't show one.
unsigned above(hwloc_topology_t machine, hwloc_obj_t pu, hwloc_obj_type_t type, unsigned otherwise) {
  const auto object = hwloc_get_ancestor_obj_by_type(machine, type, pu);
  return object == nullptr ? otherwise : object->logical_index;
}

unsigned smt_rank(hwloc_topology_t machine, hwloc_obj_t pu) {
  const auto core = hwloc_get_ancestor_obj_by_type(machine, HWLOC_OBJ_CORE, pu);
  if (core == nullptr) return 0;
  unsigned rank = 0;
  for (auto other = hwloc_bitmap_first(core->cpuset); other >= 0; other = hwloc_bitmap_next(core->cpuset, other)) {
    if (static_cast<unsigned>(other) < pu->os_index) ++rank;
  }
  return rank;
}

unsigned speed(hwloc_topology_t machine, hwloc_obj_t pu) {
  const int kind = hwloc_cpukinds_get_by_cpuset(machine, pu->cpuset, 0);
  int efficiency = -1;  // hwloc's word for rank: higher is faster and hungrier
  if (kind < 0) return 0;
  if (hwloc_cpukinds_get_info(machine, static_cast<unsigned>(kind), nullptr, &efficiency, nullptr, nullptr, 0) < 0)
    return 0;
  return static_cast<unsigned>(std::max(efficiency, 0));
}

cpu describe(hwloc_topology_t machine, hwloc_obj_t pu) {
  cpu c;
  c.os_index = pu->os_index;
  c.core = above(machine, pu, HWLOC_OBJ_CORE, pu->logical_index);
  c.package = above(machine, pu, HWLOC_OBJ_PACKAGE, 0);
  c.numa = static_cast<unsigned>(std::max(hwloc_bitmap_first(pu->nodeset), 0));
  c.l3 = above(machine, pu, HWLOC_OBJ_L3CACHE, c.package);
  c.smt_rank = smt_rank(machine, pu);
  c.speed = speed(machine, pu);
  return c;
}

topology extract(hwloc_topology_t machine, hwloc_const_bitmap_t mask, const cgroup_limits& limits) {
  topology found;
  found.quota = limits.cpus;
  const auto memory = static_cast<std::size_t>(hwloc_get_root_obj(machine)->total_memory);
  found.memory_limit_bytes = memory == 0 ? limits.memory_bytes : std::min(memory, limits.memory_bytes);
  const auto count = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_PU);
  for (int i = 0; i < count; ++i) {
    const auto pu = hwloc_get_obj_by_type(machine, HWLOC_OBJ_PU, static_cast<unsigned>(i));
    if (hwloc_bitmap_isset(mask, pu->os_index) != 0) found.cpus.push_back(describe(machine, pu));
  }
  if (found.cpus.empty()) throw std::system_error{ENODEV, std::system_category(), "no usable CPU in the affinity mask"};
  std::ranges::sort(found.cpus, {}, &cpu::os_index);
  return found;
}

topology extract(hwloc_topology_t machine, const confinement& within) {
  const bitmap_ptr mask{hwloc_bitmap_alloc_full()};
  if (!within.mask.empty()) {
    hwloc_bitmap_zero(mask.get());
    for (const auto index : within.mask) must(hwloc_bitmap_set(mask.get(), index), "hwloc_bitmap_set");
  }
  return extract(machine, mask.get(), within.limits);
}

}  // namespace

topology discover(const std::string& root) {
  const auto machine = load([](hwloc_topology_t) {});
  const bitmap_ptr mask{hwloc_bitmap_alloc_full()};
  must(hwloc_get_cpubind(machine.get(), mask.get(), HWLOC_CPUBIND_THREAD), "reading the affinity mask");
  return extract(machine.get(), mask.get(), read_cgroup_limits(root));
}

topology from_synthetic(const std::string& description, const confinement& within) {
  const auto machine = load([&](hwloc_topology_t raw) {
    must(hwloc_topology_set_synthetic(raw, description.c_str()), "hwloc_topology_set_synthetic");
  });
  return extract(machine.get(), within);
}

topology from_xml(const std::string& path, const confinement& within) {
  const auto machine =
      load([&](hwloc_topology_t raw) { must(hwloc_topology_set_xml(raw, path.c_str()), path.c_str()); });
  return extract(machine.get(), within);
}

}  // namespace shoal
