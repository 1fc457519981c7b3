// SPDX-License-Identifier: Apache-2.0
// report: a run's result, judged, as text and as JSON.
//
// Thread rule: plain values.
#pragma once

#include "bench/options.hpp"
#include "bench/tally.hpp"
#include "bench/verdict.hpp"

#include <string>
#include <vector>

namespace bench {

struct result {
  options asked;
  std::vector<std::string> command;  ///< line
  std::vector<tally> cores;
  std::vector<int> cpus;  ///< of each core, -1 when it is not pinned
  tally all;
  double seconds = 0;     ///< measured
  double throughput = 0;  ///< right answers per second
  judgement judged;
};

/// Adds up the cores and judges. `elapsed`: since the begin of the measured time; less than was asked for when the run
/// was interrupted.
[[nodiscard]] result conclude(const options& asked, std::vector<std::string> command, std::vector<tally> cores,
                              std::vector<int> cpus, shoal::duration elapsed);
/// An invalid run has no headline.
[[nodiscard]] std::string as_text(const result& run);
[[nodiscard]] std::string as_json(const result& run);

}  // namespace bench
