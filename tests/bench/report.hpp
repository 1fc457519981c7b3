// SPDX-License-Identifier: Apache-2.0
// The parts of a result that the client programs have in common, as members of a JSON object.
#pragma once

#include "cpu_window.hpp"
#include "latency_histogram.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace shoal::bench {

/// What went wrong, and how often.
using error_counts = std::map<std::string, std::uint64_t>;

/// Median, tails and maximum in microseconds; null where the samples do not carry a quantile.
[[nodiscard]] std::string latency_json(const latency_histogram& latency);

[[nodiscard]] std::string errors_json(const error_counts& errors);

/// Seconds of each watched process and of this one, and each CPU's busy and stolen share.
[[nodiscard]] std::string cpu_json(const cpu_use& use);

}  // namespace shoal::bench
