// SPDX-License-Identifier: Apache-2.0
#include "bench/report.hpp"

#include <fmt/format.h>

#include <iterator>
#include <optional>

namespace bench {
namespace {

std::string microseconds(const std::optional<std::int64_t>& ns) {
  if (!ns) return "n/a";
  return fmt::format("{:.1f}", static_cast<double>(*ns) / 1e3);
}

std::string latency_line(const char* name, const histogram& h) {
  return fmt::format("{:<16}{:>10}{:>10}{:>10}{:>10}{:>10.1f}\n", name, microseconds(h.percentile(0.5)),
                     microseconds(h.percentile(0.9)), microseconds(h.percentile(0.99)),
                     microseconds(h.percentile(0.999)), static_cast<double>(h.max()) / 1e3);
}

void add_figures(const result& run, std::string& out) {
  out += fmt::format("\n{:.0f} requests/s: {} in {:.3f} s\n\n", run.throughput, run.all.right, run.seconds);
  out += fmt::format("{:<16}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "microseconds", "p50", "p90", "p99", "p99.9", "max");
  out += latency_line("latency", run.all.latency);
  out += latency_line("service latency", run.all.service);
  if (run.asked.rate > 0) out += latency_line("schedule lag", run.all.lag);
  out += fmt::format("\n{:<6}{:>5}{:>14}{:>10}{:>10}{:>10}{:>8}\n", "core", "cpu", "requests/s", "p50", "p99", "errors",
                     "busy");
  for (std::size_t i = 0; i < run.cores.size(); ++i) {
    const tally& core = run.cores[i];
    out += fmt::format("{:<6}{:>5}{:>14.0f}{:>10}{:>10}{:>10}{:>7.0f}%\n", i,
                       run.cpus[i] < 0 ? std::string("-") : std::to_string(run.cpus[i]),
                       static_cast<double>(core.right) / run.seconds, microseconds(core.latency.percentile(0.5)),
                       microseconds(core.latency.percentile(0.99)), core.errors.all(),
                       100 * core.busy_ns / 1e9 / run.seconds);
  }
}

}  // namespace

std::string as_text(const result& run) {
  std::string out = fmt::format("shoal-bench {}: {} connections on {} cores, frames of {} bytes, ", run.asked.target,
                                run.asked.connections, run.cores.size(), run.asked.size);
  if (run.asked.rate > 0) {
    out += fmt::format("open loop, {} {:.0f}/s\n", run.asked.arrivals == arrival::poisson ? "poisson" : "constant",
                       run.asked.rate);
  } else {
    out += "closed loop\n";
  }
  if (run.judged.says != verdict::invalid) add_figures(run, out);
  const error_counts& e = run.all.errors;
  out += fmt::format("\nerrors {}: connect {}, timeout {}, reset {}, mismatch {}; connections lost {}\n", e.all(),
                     e.connect, e.timeout, e.reset, e.mismatch, run.all.lost);
  out += fmt::format("verdict: {}\n", to_string(run.judged.says));
  for (const std::string& reason : run.judged.reasons) out += fmt::format("  {}\n", reason);
  return out;
}

}  // namespace bench
