// SPDX-License-Identifier: Apache-2.0
// verdict: whether a run may be believed. It judges the measurement, never the server.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

enum class verdict : std::uint8_t { valid, suspect, invalid };

/// What a run says about itself. Times in microseconds.
struct run_facts {
  bool open_loop = false;
  std::uint64_t requests = 0;  ///< right answers in the measured time
  double asked_rate = 0;       ///< what was due in the measured time, per second
  double sent_rate = 0;        ///< of that, all but what this generator was late with
  double lag_p99_us = 0;       ///< how late requests left because of this generator; open loop only
  double latency_p50_us = 0;
  double busiest_core = 0;    ///< busy share of the busiest client core, 0 to 1
  double mean_in_flight = 0;  ///< averaged over time
  double answer_rate = 0;     ///< answers, right or wrong, per second
  double mean_service_us = 0;
  std::uint64_t connections_lost = 0;
  double first_half_rate = 0;  ///< answers per second
  double second_half_rate = 0;
  bool shares_cores = false;  ///< the server runs on CPUs of the clients
};

struct judgement {
  verdict says = verdict::valid;
  std::vector<std::string> reasons;  ///< what is invalid first, then what is suspect
};

[[nodiscard]] judgement judge(const run_facts& run);
[[nodiscard]] const char* to_string(verdict v) noexcept;

}  // namespace bench
