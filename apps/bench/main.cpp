// SPDX-License-Identifier: Apache-2.0
// shoal-bench: loads a server from every core, and judges its own measurement.
#include "bench/load.hpp"
#include "bench/options.hpp"
#include "bench/report.hpp"
#include <shoal/shoal.hpp>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int failed = 1;
constexpr int bad_usage = 2;
constexpr int run_invalid = 4;

bool write_json(const std::string& file, const std::string& text) {
  if (file == "-") return static_cast<bool>(std::cout << text << std::flush);
  std::ofstream out{file};
  out << text;
  out.close();
  if (out) return true;
  std::cerr << "--json: cannot write " << file << '\n';
  return false;
}

int measure(const bench::options& options, std::vector<std::string> command) {
  shoal::runtime runtime{options.runtime};
  bench::load load{runtime, options};
  runtime.stop_on({SIGINT, SIGTERM});
  if (const int status = runtime.run(); status != 0) return status;

  std::vector<bench::tally> cores;
  std::vector<int> cpus;
  for (std::size_t i = 0; i < load.cores(); ++i) {
    cores.push_back(load.of(i));
    const shoal::placement& where = runtime.reports()[i].where;
    cpus.push_back(where.pinned ? static_cast<int>(where.cpu) : -1);
  }
  const auto result =
      bench::conclude(options, std::move(command), std::move(cores), std::move(cpus), load.now() - load.begin());
  (options.json == "-" ? std::cerr : std::cout) << bench::as_text(result);
  if (!options.json.empty() && !write_json(options.json, bench::as_json(result))) return bad_usage;
  if (result.all.right == 0) return failed;
  return result.judged.says == bench::verdict::invalid ? run_invalid : 0;
}

}  // namespace

int main(int argc, char** argv) {
  bench::options options;
  if (const int status = bench::parse(argc, argv, options); status >= 0) return status;
  return measure(options, {argv, argv + argc});
}
