// SPDX-License-Identifier: Apache-2.0
#include "bench/tally.hpp"

#include <algorithm>

namespace bench {

void tally::merge(const tally& other) {
  latency.merge(other.latency);
  service.merge(other.service);
  lag.merge(other.lag);
  errors.connect += other.errors.connect;
  errors.timeout += other.errors.timeout;
  errors.reset += other.errors.reset;
  errors.mismatch += other.errors.mismatch;
  right += other.right;
  in_time += other.in_time;
  planned += other.planned;
  late += other.late;
  established += other.established;
  lost += other.lost;
  in_flight_ns += other.in_flight_ns;
  busy_ns += other.busy_ns;
  right_in.resize(std::max(right_in.size(), other.right_in.size()));
  for (std::size_t i = 0; i < other.right_in.size(); ++i) right_in[i] += other.right_in[i];
  last_answer = std::max(last_answer, other.last_answer);
}

}  // namespace bench
