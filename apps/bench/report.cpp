// SPDX-License-Identifier: Apache-2.0
#include "bench/report.hpp"

#include <algorithm>
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
  // What could not be sent because no connection was free is the server's doing.
  out.asked_rate = static_cast<double>(all.planned) / run.seconds;
  out.sent_rate = static_cast<double>(all.planned - all.late) / run.seconds;
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

result conclude(const options& asked, std::vector<std::string> command, std::vector<tally> cores, std::vector<int> cpus,
                shoal::duration elapsed) {
  result run{.asked = asked, .command = std::move(command), .cores = std::move(cores), .cpus = std::move(cpus)};
  for (const tally& core : run.cores) run.all.merge(core);
  shoal::duration length = std::min(asked.length, elapsed);
  if (asked.requests != 0) length = shoal::duration{run.all.last_answer};
  run.seconds = std::chrono::duration<double>(std::max(length, shoal::duration{1})).count();
  // What was answered after the end does not make the run faster.
  run.throughput = static_cast<double>(run.all.in_time) / run.seconds;
  run.judged = judge(facts_of(run));
  return run;
}

}  // namespace bench
