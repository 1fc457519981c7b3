// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace shoal::bench {

std::string latency_json(const latency_histogram& latency) {
  const auto microseconds = [&latency](double q) {
    const auto value = latency.quantile(q);
    return value ? fmt::format("{:.3f}", static_cast<double>(*value) / 1000) : std::string("null");
  };
  return fmt::format(R"("latency_us": {{"p50": {}, "p99": {}, "p99.9": {}, "max": {:.3f}}})", microseconds(0.5),
                     microseconds(0.99), microseconds(0.999), static_cast<double>(latency.max()) / 1000);
}

std::string errors_json(const error_counts& errors) {
  std::vector<std::string> members;
  for (const auto& [why, count] : errors) members.push_back(fmt::format(R"("{}": {})", why, count));
  return fmt::format(R"("errors": {{{}}})", fmt::join(members, ", "));
}

std::string cpu_json(const cpu_use& use) {
  return fmt::format(R"("watched_cpu_seconds": [{:.6f}], "own_cpu_seconds": {:.6f}, "others_cpu_seconds": [{:.6f}], )"
                     R"("cpu_busy": [{:.4f}], "cpu_stolen": [{:.4f}])",
                     fmt::join(use.processes, ", "), use.own, fmt::join(use.others, ", "), fmt::join(use.busy, ", "),
                     fmt::join(use.stolen, ", "));
}

}  // namespace shoal::bench
