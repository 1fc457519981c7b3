// SPDX-License-Identifier: Apache-2.0
#include <tests/bench/ratio_table.hpp>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace shoal::bench {
namespace {

struct contender {
  std::string name;
  std::vector<double> times;  ///< nanoseconds per iteration, one of each repetition; CPU time unless it sets its own

  [[nodiscard]] double median() const {
    std::vector<double> sorted = times;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? 0 : sorted[sorted.size() / 2];
  }
};

struct job {
  std::string name;
  std::vector<contender> contenders;
};

class collector final : public benchmark::BenchmarkReporter {
 public:
  /// Runs come in random order; the table has the order of the names.
  explicit collector(const std::vector<std::string>& names) {
    for (const std::string& name : names) (void)contender_of(name);
  }
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      const bool by_itself = run.run_name.time_type == "manual_time";
      const double time = by_itself ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime();
      contender_of(run.run_name.function_name).times.push_back(time);
    }
  }

  void print() const {
    for (const job& j : jobs_) {
      const contender& first = j.contenders.front();
      if (first.times.empty()) continue;
      const auto [least, most] = std::minmax_element(first.times.begin(), first.times.end());
      fmt::print("{:<30} {:<12} {:>10.1f} ns  ({:.1f} .. {:.1f})\n", j.name, first.name, first.median(), *least, *most);
      for (std::size_t i = 1; i < j.contenders.size(); ++i) {
        const contender& c = j.contenders[i];
        fmt::print("{:<30} {:<12} {:>10.1f} ns  {:5.2f} x\n", "", c.name, c.median(), c.median() / first.median());
      }
    }
  }

 private:
  contender& contender_of(const std::string& name) {
    const std::size_t slash = name.rfind('/');
    return entry(entry(jobs_, name.substr(0, slash)).contenders, name.substr(slash + 1));
  }
  template <class T>
  static T& entry(std::vector<T>& all, const std::string& name) {
    const auto found = std::find_if(all.begin(), all.end(), [&name](const T& t) { return t.name == name; });
    if (found != all.end()) return *found;
    all.push_back({name, {}});
    return all.back();
  }

  std::vector<job> jobs_;
};

}  // namespace

int run_with_ratios(int argc, char** argv, const std::vector<std::string>& names) {
  // Given options come later and win.
  std::vector<std::string> texts{argv[0], "--benchmark_repetitions=7", "--benchmark_enable_random_interleaving=true",
                                 "--benchmark_min_time=0.2"};
  texts.insert(texts.end(), argv + 1, argv + argc);
  std::vector<char*> arguments;
  for (std::string& text : texts) arguments.push_back(text.data());
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  collector table{names};
  benchmark::RunSpecifiedBenchmarks(&table);
  table.print();
  return 0;
}

}  // namespace shoal::bench
