// SPDX-License-Identifier: Apache-2.0
#include "bench/report.hpp"
#include <shoal/core/version.hpp>

#include <nlohmann/json.hpp>

#include <sys/utsname.h>

#include <optional>

namespace bench {
namespace {

using nlohmann::ordered_json;

/// In microseconds; null where the samples do not suffice.
ordered_json percentile(const histogram& h, double share) {
  const auto ns = h.percentile(share);
  if (!ns) return nullptr;
  return static_cast<double>(*ns) / 1e3;
}

ordered_json percentiles(const histogram& h) {
  return {{"p50", percentile(h, 0.5)},
          {"p90", percentile(h, 0.9)},
          {"p99", percentile(h, 0.99)},
          {"p999", percentile(h, 0.999)},
          {"max", static_cast<double>(h.max()) / 1e3}};
}

ordered_json errors(const error_counts& e) {
  // "status" belongs to protocols that have one; an echo has none to be wrong.
  return {{"connect", e.connect}, {"timeout", e.timeout}, {"reset", e.reset}, {"status", 0}, {"mismatch", e.mismatch}};
}

ordered_json core(const result& run, std::size_t i) {
  const tally& seen = run.cores[i];
  ordered_json cpu = nullptr;
  if (run.cpus[i] >= 0) cpu = run.cpus[i];
  return {{"core", i},
          {"cpu", cpu},
          {"throughput_per_s", static_cast<double>(seen.right) / run.seconds},
          {"requests", seen.right},
          {"errors", errors(seen.errors)},
          {"latency_us", percentiles(seen.latency)},
          {"service_latency_us", percentiles(seen.service)},
          {"busy", seen.busy_ns / 1e9 / run.seconds}};
}

ordered_json manifest(const result& run) {
  const auto& built = shoal::build();
  utsname kernel{};
  ::uname(&kernel);
  return {{"target", run.asked.target},
          {"command", run.command},
          {"connections", run.asked.connections},
          {"established", run.all.established},
          {"lost", run.all.lost},
          {"rate", run.asked.rate},
          {"size", run.asked.size},
          {"seconds", run.seconds},
          {"warmup_seconds", std::chrono::duration<double>(run.asked.warmup).count()},
          {"seed", run.asked.seed},
          {"schedule_lag_us", percentiles(run.all.lag)},
          {"version", std::string(built.version)},
          {"commit", std::string(built.commit)},
          {"compiler", std::string(built.compiler)},
          {"kernel", std::string(kernel.release)},
          {"machine", std::string(kernel.machine)}};
}

}  // namespace

std::string as_json(const result& run) {
  ordered_json cores = ordered_json::array();
  for (std::size_t i = 0; i < run.cores.size(); ++i) cores.push_back(core(run, i));
  const ordered_json out{{"verdict", to_string(run.judged.says)},
                         {"reasons", run.judged.reasons},
                         {"throughput_per_s", run.throughput},
                         {"requests", run.all.right},
                         {"errors", errors(run.all.errors)},
                         {"latency_us", percentiles(run.all.latency)},
                         {"service_latency_us", percentiles(run.all.service)},
                         {"cores", std::move(cores)},
                         {"matrix", nullptr},  // an echo does not say which shard answered
                         {"manifest", manifest(run)}};
  return out.dump(2) + "\n";
}

}  // namespace bench
