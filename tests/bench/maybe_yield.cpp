// SPDX-License-Identifier: Apache-2.0
// bench_maybe_yield: what long background work costs requests of the same shard.
//
// One shard on one CPU answers a client on another, which asks at fixed times. In turns, the shard has nothing else to
// do, works in the background 100 times a second for 5 ms each and calls maybe_yield(), or does the same without. The
// table shows how much later answers come, from the moment the question was due.
//
// Other programs of the machine run a tick of 4 ms at a time where the shard has worked, and one question in a hundred
// meets one: --realtime keeps them away from the shard's thread in all three rows.
#include "latency_histogram.hpp"
#include <shoal/shoal.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace shoal::bench {
namespace {

using namespace std::chrono_literals;

enum class background : std::uint8_t { none, yielding, holding };

struct options {
  unsigned server_cpu = 0;
  unsigned rounds = 5;
  double seconds = 3;
  unsigned per_second = 400;  // one at a time: more would wait for each other, not for the background
  std::uint16_t port = 7799;
  bool realtime = false;
};

std::atomic<background> wanted{background::none};
std::atomic<bool> over{false};

void compute(host& machine, duration length) {
  const instant end = machine.now() + length;
  while (machine.now() < end) {
  }
}

/// One piece of work: 5 ms of CPU time in steps of 20 us.
task<> piece(bool yielding) {
  for (int i = 0; i < 250; ++i) {
    compute(shard::current().machine(), 20us);
    if (yielding) co_await maybe_yield();
  }
}

task<> work_in_background() {
  while (!over) {
    const instant next = shard::current().now() + 10ms;
    const auto what = wanted.load();
    if (what != background::none) co_await piece(what == background::yielding);
    co_await sleep_until(next);
  }
}

class background_work final : public service {
 public:
  background_work(runtime& owner, bool realtime) : owner_(owner), realtime_(realtime) { owner_.add(*this); }
  background_work(const background_work&) = delete;
  background_work& operator=(const background_work&) = delete;
  ~background_work() { owner_.remove(*this); }
  void start(shard&) override {
    const sched_param lowest{.sched_priority = 1};
    if (realtime_ && ::sched_setscheduler(0, SCHED_FIFO, &lowest) != 0)
      throw std::system_error(errno, std::system_category(), "--realtime");
    work_.spawn(work_in_background());
  }
  task<> stop(shard&, instant) override {
    over = true;
    co_await work_.join();
  }

 private:
  runtime& owner_;
  bool realtime_;
  scope work_{[](const std::exception_ptr&) noexcept {}};
};

std::uint64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

/// The calling thread keeps away from the server's CPU.
void leave_cpu(unsigned cpu) {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  CPU_CLR(cpu, &allowed);
  if (::sched_setaffinity(0, sizeof allowed, &allowed) != 0)
    fmt::print(stderr, "only one CPU: server and client disturb each other\n");
}

int connected_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) throw std::runtime_error("connect");
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/// Asks at fixed times, whatever became of the question before: a late answer delays nobody's clock.
void ask(int fd, const options& o, latency_histogram& into) {
  const auto step = static_cast<std::uint64_t>(1e9 / o.per_second);
  const auto count = static_cast<std::uint64_t>(o.seconds * o.per_second);
  std::array<char, 64> message{};
  std::uint64_t due = now_ns() + step;
  for (std::uint64_t i = 0; i < count; ++i, due += step) {
    while (now_ns() < due) {
    }
    if (::send(fd, message.data(), message.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(message.size()) ||
        ::recv(fd, message.data(), message.size(), MSG_WAITALL) != static_cast<ssize_t>(message.size()))
      throw std::runtime_error("the server is gone");
    into.record(now_ns() - due);
  }
}

double us(std::uint64_t ns) { return static_cast<double>(ns) / 1e3; }

int measure(const options& o) {
  runtime_options how;
  how.shards.cpus = std::vector<unsigned>{o.server_cpu};
  how.stall.report = duration::zero();
  runtime server_side{how};
  server answers{server_side, {.bind = {"127.0.0.1:" + std::to_string(o.port)}, .name = "echo"}};
  answers.on_request([](connection& c) {
    if (c.output().append(c.input().take_all())) c.flush();
  });
  background_work work{server_side, o.realtime};
  if (auto started = server_side.start(); !started) {
    fmt::print(stderr, "{}: {}\n", started.error().what, started.error().error.message());
    return 1;
  }
  leave_cpu(o.server_cpu);
  const int fd = connected_to(o.port);
  constexpr std::array names{"nothing", "5 ms each, maybe_yield()", "5 ms each, holding on"};
  std::array<latency_histogram, 3> all;
  for (unsigned round = 0; round < o.rounds; ++round) {
    for (std::size_t which = 0; which < all.size(); ++which) {
      wanted = static_cast<background>(which);
      ask(fd, o, all[which]);
    }
  }
  ::close(fd);
  server_side.stop();
  server_side.wait();
  fmt::print("{} questions a second, {} rounds of {} s each\n", o.per_second, o.rounds, o.seconds);
  fmt::print("{:<28} {:>10} {:>10} {:>10}\n", "in the background", "p50 us", "p99 us", "max us");
  for (std::size_t which = 0; which < all.size(); ++which) {
    fmt::print("{:<28} {:>10.0f} {:>10.0f} {:>10.0f}\n", names[which], us(all[which].quantile(0.5).value_or(0)),
               us(all[which].quantile(0.99).value_or(0)), us(all[which].max()));
  }
  return 0;
}

}  // namespace
}  // namespace shoal::bench

int main(int argc, char** argv) {
  shoal::bench::options o;
  CLI::App app{"What long background work costs requests of the same shard"};
  app.add_option("--server-cpu", o.server_cpu, "the client takes another")->capture_default_str();
  app.add_option("--rounds", o.rounds)->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_option("--seconds", o.seconds, "of each")->capture_default_str()->check(CLI::Range(0.01, 3600.0));
  app.add_option("--rate", o.per_second, "questions a second")->capture_default_str()->check(CLI::Range(1, 100000));
  app.add_option("--port", o.port)->capture_default_str();
  app.add_flag("--realtime", o.realtime, "the server's thread before all other programs of the machine (SCHED_FIFO)");
  CLI11_PARSE(app, argc, argv);
  return shoal::bench::measure(o);
}
