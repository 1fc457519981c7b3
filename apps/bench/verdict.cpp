// SPDX-License-Identifier: Apache-2.0
#include "bench/verdict.hpp"

#include "bench/histogram.hpp"

#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace bench {
namespace {

constexpr double most_lag = 0.10;          // of the median latency
constexpr double most_busy = 0.90;         // above, the client queues its own answers
constexpr double least_rate = 0.99;        // of what was asked
constexpr double little_tolerance = 0.10;  // of the requests in flight
constexpr double half_tolerance = 0.05;    // between the halves of a run
constexpr double headline_share = 0.99;    // the percentile that a run must have samples for

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...) {
  char out[256];
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(out, sizeof out, format, arguments);
  va_end(arguments);
  return out;
}

void find_invalid(const run_facts& run, std::vector<std::string>& out) {
  if (run.open_loop && run.lag_p99_us > most_lag * run.latency_p50_us) {
    out.push_back(text("schedule lag p99 of %.1f us is over 10 %% of the median latency of %.1f us", run.lag_p99_us,
                       run.latency_p50_us));
  }
  if (run.busiest_core >= most_busy) {
    out.push_back(text("a client core was busy for %.1f %% of the time", 100 * run.busiest_core));
  }
  if (run.open_loop && run.sent_rate < least_rate * run.asked_rate) {
    out.push_back(text("sent %.0f requests/s of %.0f that were asked for", run.sent_rate, run.asked_rate));
  }
  const double little = run.answer_rate * run.mean_service_us / 1e6;
  if (std::abs(little - run.mean_in_flight) > little_tolerance * run.mean_in_flight) {
    out.push_back(text("Little's law: rate x latency gives %.2f requests in flight, there were %.2f", little,
                       run.mean_in_flight));
  }
}

void find_suspect(const run_facts& run, std::vector<std::string>& out) {
  if (run.connections_lost > 0) {
    out.push_back(text("%llu connections were lost", static_cast<unsigned long long>(run.connections_lost)));
  }
  const double larger = std::fmax(run.first_half_rate, run.second_half_rate);
  if (std::abs(run.first_half_rate - run.second_half_rate) > half_tolerance * larger) {
    out.push_back(text("the halves differ: %.0f and %.0f requests/s", run.first_half_rate, run.second_half_rate));
  }
  if (run.shares_cores) out.emplace_back("the server may run on the CPUs of the clients");
  if (!enough_samples(run.requests, headline_share)) {
    out.push_back(text("%llu samples are too few for p99", static_cast<unsigned long long>(run.requests)));
  }
}

}  // namespace

judgement judge(const run_facts& run) {
  judgement out;
  find_invalid(run, out.reasons);
  if (!out.reasons.empty()) out.says = verdict::invalid;
  find_suspect(run, out.reasons);
  if (out.says == verdict::valid && !out.reasons.empty()) out.says = verdict::suspect;
  return out;
}

const char* to_string(verdict v) noexcept {
  switch (v) {
    case verdict::valid: return "valid";
    case verdict::suspect: return "suspect";
    case verdict::invalid: return "invalid";
  }
  return "invalid";
}

}  // namespace bench
