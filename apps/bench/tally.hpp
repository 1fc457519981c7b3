// SPDX-License-Identifier: Apache-2.0
// tally: what one client core has seen in the measured time. Merged without loss after the end.
//
// Thread rule: one owner.
#pragma once

#include "bench/histogram.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// One interval of the timeline, in ns.
inline constexpr std::int64_t interval = 10'000'000;

struct error_counts {
  std::uint64_t connect = 0;   ///< could not connect
  std::uint64_t timeout = 0;   ///< no answer in time, or never sent because nothing was free until then
  std::uint64_t reset = 0;     ///< the connection ended before the answer
  std::uint64_t mismatch = 0;  ///< the answer is not what was sent

  [[nodiscard]] std::uint64_t all() const noexcept { return connect + timeout + reset + mismatch; }
};

struct tally {
  histogram latency;  ///< from the intended start, errors of requests that were sent included
  histogram service;  ///< from the send
  histogram lag;      ///< from when a request was due and its connection free, to its send
  error_counts errors;
  std::uint64_t right = 0;              ///< answers that were verified
  std::uint64_t in_time = 0;            ///< of these, before the end of the measured time
  std::uint64_t planned = 0;            ///< requests that were due in the measured time
  std::uint64_t late = 0;               ///< of these, could have been sent in it and were not: the generator's doing
  std::uint64_t established = 0;        ///< connections, the whole run
  std::uint64_t lost = 0;               ///< of these, ended before the run did
  double in_flight_ns = 0;              ///< requests in flight, summed over the measured time
  double busy_ns = 0;                   ///< of the measured time, without waiting for slots
  std::vector<std::uint32_t> right_in;  ///< right answers by interval of their arrival, from the begin on
  std::int64_t last_answer = 0;         ///< ns after the begin

  void merge(const tally& other);
};

}  // namespace bench
