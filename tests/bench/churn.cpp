// SPDX-License-Identifier: Apache-2.0
// bench_churn: short connections per second against a server that sends back what it gets.
//
// A number of slots, each of which connects, sends one message, receives it, closes, and begins again. A latency is one
// whole life, from connect to the last byte. The client closes first and so keeps the TIME_WAIT entries; source
// addresses 127.0.0.2 and up are used in turn, that ports do not run out (or --close reset leaves none at all).
//
// Window, JSON and exit status as bench_load.
#include "cpu_window.hpp"
#include "latency_histogram.hpp"
#include "program.hpp"
#include "report.hpp"
#include "setup.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace shoal::bench {
namespace {

struct options {
  int port = 0;
  int cpu = -1;
  unsigned slots = 64;
  unsigned sources = 16;
  std::size_t size = 64;
  double seconds = 3;
  double warm_up = 0.3;
  std::string close = "fin";
  std::vector<pid_t> watch;
};

struct slot {
  int fd = -1;
  bool asked = false;
  std::size_t received = 0;
  std::uint64_t started = 0;  // nanoseconds
};

class churn {
 public:
  explicit churn(const options& chosen)
      : options_(chosen), message_(chosen.size, 'x'), scratch_(chosen.size), slots_(chosen.slots) {}

  std::string run();
  [[nodiscard]] bool clean() const noexcept { return errors_.empty(); }

 private:
  void drive_until(std::uint64_t deadline);
  void begin(slot& s);
  void advance(slot& s);
  void finish(slot& s);
  void fail(slot& s, const std::string& why);

  const options& options_;
  std::vector<char> message_;
  std::vector<char> scratch_;
  std::vector<slot> slots_;
  latency_histogram life_;
  error_counts errors_;
  std::uint64_t now_ = 0;
  std::uint32_t turn_ = 0;
  int epoll_ = -1;
};

void churn::begin(slot& s) {
  const int on = 1;
  s = {.fd = must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"), .started = now_};
  must(::setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  must(::setsockopt(s.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on), "IP_BIND_ADDRESS_NO_PORT");
  sockaddr_in source = loopback(0);
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + turn_++ % options_.sources);
  must(::bind(s.fd, reinterpret_cast<const sockaddr*>(&source), sizeof source), "bind");
  const sockaddr_in server = loopback(options_.port);
  if (::connect(s.fd, reinterpret_cast<const sockaddr*>(&server), sizeof server) < 0 && errno != EINPROGRESS) {
    return fail(s, error_text());
  }
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &s}};
  must(::epoll_ctl(epoll_, EPOLL_CTL_ADD, s.fd, &event), "epoll_ctl");
}

void churn::fail(slot& s, const std::string& why) {
  ++errors_[why];
  ::close(s.fd);
  s.fd = -1;  // one error ends the slot: a server that refuses is not to be hammered
}

void churn::finish(slot& s) {
  life_.record(now_ - s.started);
  if (options_.close == "reset") {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    must(::setsockopt(s.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), "SO_LINGER");
  }
  ::close(s.fd);
  begin(s);
}

void churn::advance(slot& s) {
  if (!s.asked) {
    const ssize_t sent = ::send(s.fd, message_.data(), message_.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(message_.size()))
      return fail(s, sent < 0 ? error_text() : std::string("short send"));
    s.asked = true;
    return;
  }
  while (s.received < message_.size()) {
    const ssize_t got = ::recv(s.fd, scratch_.data(), message_.size() - s.received, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return fail(s, got == 0 ? std::string("closed by the server") : error_text());
    if (std::memcmp(scratch_.data(), message_.data(), static_cast<std::size_t>(got)) != 0)
      return fail(s, "wrong bytes");
    s.received += static_cast<std::size_t>(got);
  }
  finish(s);
}

void churn::drive_until(std::uint64_t deadline) {
  std::array<epoll_event, 256> events{};
  while (now_ < deadline) {
    const int wait_ms = static_cast<int>((deadline - now_) / 1'000'000) + 1;
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), wait_ms);
    now_ = nanoseconds_now();
    for (int i = 0; i < count; ++i) {
      slot& s = *static_cast<slot*>(events[i].data.ptr);
      if (s.fd >= 0) advance(s);
    }
  }
}

std::string churn::run() {
  cpu_window window{options_.watch};
  epoll_ = must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  now_ = nanoseconds_now();
  for (slot& s : slots_) begin(s);
  drive_until(now_ + static_cast<std::uint64_t>(options_.warm_up * 1e9));
  life_.clear();
  window.open();
  now_ = nanoseconds_now();
  drive_until(now_ + static_cast<std::uint64_t>(options_.seconds * 1e9));
  const cpu_use use = window.close();
  return fmt::format(
      R"({{"slots": {}, "size": {}, "seconds": {:.6f}, "connections": {}, "per_second": {:.1f}, {}, {}, {}}})",
      options_.slots, options_.size, use.seconds, life_.count(), static_cast<double>(life_.count()) / use.seconds,
      latency_json(life_), errors_json(errors_), cpu_json(use));
}

}  // namespace
}  // namespace shoal::bench

int main(int argc, char** argv) {
  using namespace shoal::bench;
  options chosen;
  CLI::App app{"Short connections against a server that sends back what it gets; all on loopback"};
  app.add_option("--port", chosen.port, "where the server listens")->required()->check(CLI::Range(1, 65535));
  app.add_option("--cpu", chosen.cpu, "processor to run on")->check(CLI::Range(0, CPU_SETSIZE - 1));
  app.add_option("--slots", chosen.slots, "connections at a time")->check(CLI::Range(1, 10000));
  app.add_option("--sources", chosen.sources, "source addresses used in turn")->check(CLI::Range(1, 250));
  app.add_option("--size", chosen.size, "bytes of the one message")->check(CLI::Range(1, 16384));
  app.add_option("--seconds", chosen.seconds, "length of the measured window")->check(CLI::Range(0.01, 3600.0));
  app.add_option("--warm-up", chosen.warm_up, "seconds before it that do not count")->check(CLI::Range(0.0, 3600.0));
  app.add_option("--close", chosen.close, "fin | reset")->check(CLI::IsMember({"fin", "reset"}));
  app.add_option("--watch", chosen.watch, "process whose processor time is read; may be repeated");
  return run_program(app, argc, argv, [&chosen] {
    if (chosen.cpu >= 0) pin_to(chosen.cpu);
    churn clients{chosen};
    fmt::print("{}\n", clients.run());
    return clients.clean() ? 0 : 1;
  });
}
