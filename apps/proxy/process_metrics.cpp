// SPDX-License-Identifier: Apache-2.0
#include "proxy/process_metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace proxy {
namespace {

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; }

std::uint64_t open_files() {
  std::error_code failed;
  const std::filesystem::directory_iterator files{"/proc/self/fd", failed};
  return failed ? 0 : static_cast<std::uint64_t>(std::distance(begin(files), end(files)));
}

}  // namespace

void write_process_metrics(shoal::metrics_text& page) {
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    page.counter("process_cpu_seconds_total", "CPU time, of the process and for it in the kernel");
    page.sample({}, seconds(used.ru_utime) + seconds(used.ru_stime));
  }
  std::uint64_t total = 0;
  std::uint64_t resident = 0;  // pages (proc_pid_statm(5))
  if (std::ifstream memory{"/proc/self/statm"}; memory >> total >> resident) {
    page.gauge("process_resident_memory_bytes", "Memory that is there");
    page.sample({}, resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  }
  if (const std::uint64_t files = open_files(); files != 0) {
    page.gauge("process_open_fds", "Open files");
    page.sample({}, files);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    page.gauge("process_max_fds", "Most files that may be open");
    page.sample({}, std::uint64_t{limit.rlim_cur});
  }
}

}  // namespace proxy
