// SPDX-License-Identifier: Apache-2.0
// A runtime on a host without threads: the same steps as on threads, taken one after the other where threads would meet
// at a gate.
#include <shoal/core/runtime_member.hpp>

#include <limits>
#include <numeric>

namespace shoal {

/// A simulated host has one CPU and no limits, so that a plan never depends on the machine underneath.
topology runtime::stepped_machine() {
  topology machine;
  machine.cpus.resize(1);
  machine.memory_limit_bytes = std::numeric_limits<std::size_t>::max();
  return machine;
}

void runtime::start_stepped() {
  for (auto& where : plan_.shards) where = {.memory = where.memory};  // nothing to pin
  for (const auto& m : members_) build_shard(*m);
  if (!failed_) {
    for (const auto& m : members_) connect_shard(*m);
    for (const auto& m : members_) start_services(*m);
    for (const auto& m : members_) machine_->adopt(*m, *m->io);
  } else {
    end_stepped();
  }
}

bool runtime::step_member(member& self) {
  if (step_shard(self)) return true;
  // The last one out ends all: nobody uses anybody's mailbox any more.
  if (++arrived_ == shards()) end_stepped();
  return false;
}

void runtime::end_stepped() {
  // As settle_returns().
  const auto drain = [](std::size_t sum, const auto& m) {
    return m->running == nullptr ? sum : sum + m->running->memory().drain_returns();
  };
  while (std::accumulate(members_.begin(), members_.end(), std::size_t{0}, drain) != 0) {
  }
  for (const auto& m : members_) end_shard(*m);
  arrived_ = gates * shards();
}

}  // namespace shoal
