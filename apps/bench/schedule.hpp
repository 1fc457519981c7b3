// SPDX-License-Identifier: Apache-2.0
// schedule: when the requests of an open loop are due, as nanoseconds after its beginning.
//
// Slots are absolute: the next one never depends on when the last one was sent, so lateness does not move the plan, and
// rounding does not add up. Client core k of n takes slots k, k + n, ... of a constant rate; of a Poisson process each
// core has its own of rate / n, which together are one of the whole rate.
//
// Thread rule: one owner.
#pragma once

#include <shoal/core/random.hpp>

#include <cstdint>

namespace bench {

enum class arrival : std::uint8_t { constant, poisson };

class schedule {
 public:
  /// `rate`: requests per second of all cores together, above 0. The same arguments give the same slots.
  schedule(arrival kind, double rate, std::uint64_t core, std::uint64_t cores, std::uint64_t seed) noexcept;

  /// The next slot, in ns; not before the one before it.
  [[nodiscard]] std::int64_t next() noexcept;

 private:
  arrival kind_;
  double gap_;          // ns between slots of the whole rate, or on average between those of this core
  std::uint64_t slot_;  // of the whole rate
  std::uint64_t step_;
  double at_ = 0;
  shoal::random_source random_;
};

}  // namespace bench
