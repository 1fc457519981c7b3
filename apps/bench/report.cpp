// SPDX-License-Identifier: Apache-2.0
#include "bench/report.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace bench {
namespace {

/// Right answers per second in `count` full intervals from `first` on.
double rate_in(const tally& seen, std::size_t first, std::size_t count) {
  double sum = 0;
  for (std::size_t i = first; i < std::min(first + count, seen.right_in.size()); ++i) sum += seen.right_in[i];
  return sum / (static_cast<double>(count) * static_cast<double>(interval) / 1e9);
}

bool is_local(const std::string& target) {
  return target.starts_with("unix:") || target.starts_with("127.") || target.starts_with("[::1]") ||
         target.starts_with("localhost:");
}

run_facts facts_of(const result& run) {
  const tally& all = run.all;
  run_facts out;
  out.open_loop = run.asked.rate > 0;
  out.requests = all.right;
  out.asked_rate = run.asked.rate;
  // What could not be sent because nothing was free is the server's doing.
  out.sent_rate = static_cast<double>(all.sent + all.errors.timeout) / run.seconds;
  out.lag_p99_us = static_cast<double>(all.lag.value_at(0.99)) / 1e3;
  out.latency_p50_us = static_cast<double>(all.latency.value_at(0.5)) / 1e3;
  for (const tally& core : run.cores) out.busiest_core = std::max(out.busiest_core, core.busy_ns / 1e9 / run.seconds);
  out.mean_in_flight = all.in_flight_ns / 1e9 / run.seconds;
  out.answer_rate = static_cast<double>(all.service.count()) / run.seconds;
  out.mean_service_us = all.service.mean() / 1e3;
  out.connections_lost = all.lost;
  const auto intervals = static_cast<std::size_t>(run.seconds * 1e9 / static_cast<double>(interval));
  if (const std::size_t half = intervals / 2; half > 0) {
    out.first_half_rate = rate_in(all, 0, half);
    out.second_half_rate = rate_in(all, half, half);
  }
  out.shares_cores = is_local(run.asked.target);
  return out;
}

}  // namespace

result conclude(const options& asked, std::vector<std::string> command, std::vector<tally> cores,
                std::vector<int> cpus) {
  result run{.asked = asked, .command = std::move(command), .cores = std::move(cores), .cpus = std::move(cpus)};
  for (const tally& core : run.cores) run.all.merge(core);
  const auto ns = asked.requests == 0 ? asked.length.count() : std::max<std::int64_t>(run.all.last_answer, 1);
  run.seconds = static_cast<double>(ns) / 1e9;
  // What was answered after the end does not make the run faster.
  const auto within = static_cast<std::size_t>((ns + interval - 1) / interval);
  const auto last = run.all.right_in.begin() + static_cast<std::ptrdiff_t>(std::min(within, run.all.right_in.size()));
  const auto in_time = std::accumulate(run.all.right_in.begin(), last, std::uint64_t{0});
  run.throughput = static_cast<double>(in_time) / run.seconds;
  run.judged = judge(facts_of(run));
  return run;
}

}  // namespace bench
