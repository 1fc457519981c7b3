// SPDX-License-Identifier: Apache-2.0
// How much processor time some processes, and the whole machine, used between two moments.
//
// A process is read by its CPU clock (nanoseconds, every thread, dead ones too): the same sum that /proc/PID/stat shows
// in ticks of 10 ms. The machine is read from /proc/stat as time that was not idle, because the kernel counts idle time
// exactly and samples the rest at ticks. The load generator reads both at the edges of its measured window, so that
// requests and processor time belong to the same moments.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <map>
#include <vector>

namespace shoal::bench {

/// The monotonic clock.
[[nodiscard]] inline std::uint64_t nanoseconds_now() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

struct task_reading {
  double seconds = 0;   // it has run
  std::size_t cpu = 0;  // last
};

struct cpu_reading {
  double wall = 0;                       // seconds of the monotonic clock
  std::vector<double> processes;         // seconds each watched process has run
  double own = 0;                        // seconds this process has run
  std::map<pid_t, task_reading> others;  // every other process, kernel threads included but ksoftirqd
  std::vector<double> idle;              // seconds per CPU, by its number
  std::vector<double> stolen;            // seconds per CPU that the hypervisor gave to others
};

struct cpu_use {
  double seconds = 0;             // of wall time
  std::vector<double> processes;  // seconds of processor time of each watched process
  double own = 0;                 // and of this one
  // And of all others, by the CPU each was last seen on. Not in here: interrupts, and ksoftirqd, which carries packets
  // of the processes above when there are many.
  std::vector<double> others;
  std::vector<double> busy;    // share of each CPU, 0..1
  std::vector<double> stolen;  // share of each CPU, 0..1
};

class cpu_window {
 public:
  /// Throws std::runtime_error when one of the processes does not exist.
  explicit cpu_window(const std::vector<pid_t>& watched);

  void open();
  /// From open() to now.
  [[nodiscard]] cpu_use close() const;

 private:
  [[nodiscard]] cpu_reading read() const;

  std::vector<clockid_t> clocks_;
  std::vector<pid_t> watched_;
  cpu_reading start_;
};

}  // namespace shoal::bench
