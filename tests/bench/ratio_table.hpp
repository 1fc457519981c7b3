// SPDX-License-Identifier: Apache-2.0
// Runs google-benchmarks named "job/contender" and prints one line per job: the first contender's median, and the
// others' as multiples of it.
//
// Thread rule: the main thread of a benchmark program.
#pragma once

#include <string>
#include <vector>

namespace shoal::bench {

/// `names` are all registered ones, in the table's order. Defaults, unless given in argv: 7 repetitions in random turns
/// of 0.2 s. Returns main's exit code.
int run_with_ratios(int argc, char** argv, const std::vector<std::string>& names);

}  // namespace shoal::bench
