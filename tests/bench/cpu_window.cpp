// SPDX-License-Identifier: Apache-2.0
#include "cpu_window.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace shoal::bench {
namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) throw std::runtime_error("a watched process has ended");
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// Each process's threads are in its figure: the kernel lists processes here, and their first thread's schedstat is
/// that thread's alone, so all are added up.
task_reading reading_of(const std::filesystem::path& process) {
  task_reading reading;
  std::error_code gone;  // processes end while they are looked at
  std::filesystem::directory_iterator thread(process / "task", gone);
  for (; !gone && thread != std::filesystem::directory_iterator{}; thread.increment(gone)) {
    double nanoseconds = 0;
    if (std::ifstream(thread->path() / "schedstat") >> nanoseconds) reading.seconds += nanoseconds * 1e-9;
  }
  std::string text;
  std::getline(std::ifstream(process / "stat"), text);
  // Behind the name, which may hold anything, the CPU is the 37th field.
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  for (int i = 1; i < 37; ++i) fields >> skipped;
  fields >> reading.cpu;
  return reading;
}

std::map<pid_t, task_reading> all_others(const std::vector<pid_t>& watched) {
  std::map<pid_t, task_reading> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const pid_t pid = std::stoi(name);
    if (pid == ::getpid() || std::ranges::find(watched, pid) != watched.end()) continue;
    std::string program;
    std::ifstream(entry.path() / "comm") >> program;
    if (!program.starts_with("ksoftirqd/")) found[pid] = reading_of(entry.path());
  }
  return found;
}

}  // namespace

cpu_window::cpu_window(const std::vector<pid_t>& watched) : watched_(watched) {
  for (const pid_t pid : watched) {
    clockid_t clock{};
    if (::clock_getcpuclockid(pid, &clock) != 0) {
      throw std::runtime_error("no process " + std::to_string(pid) + " to watch");
    }
    clocks_.push_back(clock);
  }
}

void cpu_window::open() { start_ = read(); }

cpu_reading cpu_window::read() const {
  cpu_reading reading;
  const double tick = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line) && line.starts_with("cpu");) {
    if (line.starts_with("cpu ")) continue;  // the sum of all
    std::istringstream fields(line.substr(3));
    std::size_t cpu = 0;
    double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
    fields >> cpu >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
    if (!fields) throw std::runtime_error("/proc/stat reads differently than expected");
    reading.idle.resize(std::max(reading.idle.size(), cpu + 1));
    reading.stolen.resize(reading.idle.size());
    reading.idle[cpu] = (idle + iowait) * tick;
    reading.stolen[cpu] = steal * tick;
  }
  for (const clockid_t clock : clocks_) reading.processes.push_back(seconds_of(clock));
  reading.others = all_others(watched_);
  reading.own = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  reading.wall = seconds_of(CLOCK_MONOTONIC);
  return reading;
}

cpu_use cpu_window::close() const {
  const cpu_reading end = read();
  cpu_use use{.seconds = end.wall - start_.wall, .own = end.own - start_.own};
  for (std::size_t i = 0; i < end.processes.size(); ++i)
    use.processes.push_back(end.processes[i] - start_.processes[i]);
  use.others.resize(end.idle.size());
  for (const auto& [pid, reading] : end.others) {
    const auto before = start_.others.find(pid);
    const double used = reading.seconds - (before == start_.others.end() ? 0 : before->second.seconds);
    if (reading.cpu < use.others.size()) use.others[reading.cpu] += std::max(used, 0.0);
  }
  for (std::size_t i = 0; i < std::min(start_.idle.size(), end.idle.size()); ++i) {
    use.busy.push_back(std::clamp(1.0 - (end.idle[i] - start_.idle[i]) / use.seconds, 0.0, 1.0));
    use.stolen.push_back(std::clamp((end.stolen[i] - start_.stolen[i]) / use.seconds, 0.0, 1.0));
  }
  return use;
}

}  // namespace shoal::bench
