// SPDX-License-Identifier: Apache-2.0
// bench_idle: what an idle connection costs a server in memory of its own.
//
// N connections each make one round trip and then keep still. Per connection is (private memory with N idle - the same
// process with none after that peak) / N; memory that the server keeps for reuse after a peak is thus not counted as a
// connection's, so the figure against the process before the first connection is printed beside it. Private memory is
// the process's own pages (smaps_rollup), without the kernel's socket buffers.
#include "program.hpp"
#include "setup.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstddef>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace shoal::bench {
namespace {

struct options {
  int port = 0;
  pid_t pid = 0;
  unsigned connections = 3000;
  std::size_t size = 256;
  double settle = 1;
};

void wait(double seconds) {
  const auto whole = static_cast<time_t>(seconds);
  const timespec time{.tv_sec = whole, .tv_nsec = static_cast<long>((seconds - static_cast<double>(whole)) * 1e9)};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

std::string proc(pid_t pid, const char* name) { return fmt::format("/proc/{}/{}", pid, name); }

/// Bytes in pages that no other process shares.
double private_memory(pid_t pid) {
  std::ifstream file(proc(pid, "smaps_rollup"));
  double kib = 0;
  bool found = false;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("Private_")) continue;
    kib += std::stod(line.substr(line.find(':') + 1));
    found = true;
  }
  if (!found) throw std::runtime_error("cannot read " + proc(pid, "smaps_rollup"));
  return kib * 1024;
}

std::ptrdiff_t open_files(pid_t pid) {
  return std::distance(std::filesystem::directory_iterator(proc(pid, "fd")), std::filesystem::directory_iterator{});
}

void round_trip(int fd, std::size_t size) {
  const std::vector<char> message(size, 'x');
  std::vector<char> answer(size);
  if (::send(fd, message.data(), size, MSG_NOSIGNAL) != static_cast<ssize_t>(size)) {
    throw std::runtime_error("send: " + error_text());
  }
  if (::recv(fd, answer.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size) || answer != message) {
    throw std::runtime_error("the server did not send back what it got");
  }
}

void wait_until_closed(pid_t pid, std::ptrdiff_t files) {
  for (int tries = 0; open_files(pid) > files; ++tries) {
    if (tries == 1000) throw std::runtime_error("the server still has connections open after 10 s");
    wait(0.01);
  }
}

std::string measure(const options& chosen) {
  const std::ptrdiff_t files = open_files(chosen.pid);
  const double at_start = private_memory(chosen.pid);
  std::vector<int> connections;
  while (connections.size() < chosen.connections) {
    connections.push_back(dial(chosen.port, 0));
    if (connections.back() < 0) throw std::runtime_error("connect: " + error_text());
    round_trip(connections.back(), chosen.size);
  }
  wait(chosen.settle);
  const double with_idle = private_memory(chosen.pid);
  for (const int fd : connections) ::close(fd);
  wait_until_closed(chosen.pid, files);
  wait(chosen.settle);
  const double after = private_memory(chosen.pid);
  const double n = chosen.connections;
  return fmt::format(
      R"({{"connections": {}, "private_at_start": {:.0f}, "private_with_idle": {:.0f}, "private_after": {:.0f}, )"
      R"("bytes_per_connection": {:.0f}, "bytes_per_connection_from_start": {:.0f}}})",
      chosen.connections, at_start, with_idle, after, (with_idle - after) / n, (with_idle - at_start) / n);
}

}  // namespace
}  // namespace shoal::bench

int main(int argc, char** argv) {
  using namespace shoal::bench;
  options chosen;
  CLI::App app{"Private memory per idle connection of a server that sends back what it gets"};
  app.add_option("--port", chosen.port, "where the server listens")->required()->check(CLI::Range(1, 65535));
  app.add_option("--pid", chosen.pid, "the server")->required();
  app.add_option("--connections", chosen.connections, "how many idle ones")->check(CLI::Range(1, 60000));
  app.add_option("--size", chosen.size, "bytes of the one message")->check(CLI::Range(1, 65536));
  app.add_option("--settle", chosen.settle, "seconds before memory is read")->check(CLI::Range(0.0, 600.0));
  return run_program(app, argc, argv, [&chosen] {
    fmt::print("{}\n", measure(chosen));
    return 0;
  });
}
