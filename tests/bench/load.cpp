// SPDX-License-Identifier: Apache-2.0
// bench_load: a closed-loop client for servers that send back what they get, directly or through a proxy.
//
// N connections, one message in flight on each: the next leaves when the last byte of the one before is back. One
// thread, one edge-triggered registration per connection, one shared payload; a message is sent and received at the
// same time, so that large ones cannot block each other. What comes back is counted, and checked: the first and last
// eight bytes of every message name its connection and number, and every 256th message is compared whole.
//
// A measured window follows the warm-up; requests, latency and the processor time of the machine and of the processes
// named by --watch belong to that window. One JSON object on standard output. Exit: 0, 1 after any error, 2 usage.
#include "cpu_window.hpp"
#include "latency_histogram.hpp"
#include "payload.hpp"
#include "program.hpp"
#include "report.hpp"
#include "setup.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace shoal::bench {
namespace {

struct options {
  int port = 0;
  int cpu = -1;
  unsigned connections = 64;
  std::size_t size = 1024;
  double seconds = 3;
  std::uint64_t messages = 0;  // 0: only time ends the window
  double warm_up = 0.3;
  std::vector<pid_t> watch;
};

struct client {
  int fd = -1;
  std::uint32_t sequence = 0;
  std::size_t sent = 0;
  std::size_t received = 0;
  std::uint64_t started = 0;   // nanoseconds; when the message now in flight began to leave
  std::uint64_t answered = 0;  // messages in the measured window
};

class generator {
 public:
  explicit generator(const options& chosen)
      : options_(chosen), payload_(chosen.size), scratch_(chosen.size), clients_(chosen.connections) {}

  std::string run();
  [[nodiscard]] bool clean() const noexcept { return errors_.empty(); }

 private:
  void connect_all();
  void drive_until(std::uint64_t deadline);
  void begin_message(client& c);
  void send_rest(client& c);
  void receive(client& c);
  void fail(client& c, const std::string& why);
  [[nodiscard]] std::string report(const cpu_use& use) const;

  [[nodiscard]] std::uint64_t stamp_of(const client& c) const noexcept {
    return static_cast<std::uint64_t>(&c - clients_.data()) << 32 | c.sequence;
  }

  const options& options_;
  payload payload_;
  std::vector<char> scratch_;
  std::vector<client> clients_;
  latency_histogram latency_;
  error_counts errors_;
  std::uint64_t now_ = 0;
  unsigned alive_ = 0;
  unsigned unfinished_ = 0;  // connections with fewer answers than --messages asks for
  int epoll_ = -1;
};

void generator::connect_all() {
  epoll_ = must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  for (client& c : clients_) {
    c.fd = dial(options_.port, SOCK_NONBLOCK);
    if (c.fd < 0) {
      ++errors_["connect: " + error_text()];
      continue;
    }
    ++alive_;
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &c}};
    must(::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event), "epoll_ctl");
  }
  now_ = nanoseconds_now();
  for (client& c : clients_) {
    if (c.fd >= 0) begin_message(c);
  }
}

void generator::fail(client& c, const std::string& why) {
  ++errors_[why];
  ::close(c.fd);
  c.fd = -1;
  --alive_;
  if (options_.messages == 0 || c.answered < options_.messages) --unfinished_;
}

void generator::begin_message(client& c) {
  ++c.sequence;
  c.sent = c.received = 0;
  c.started = now_;
  send_rest(c);
}

void generator::send_rest(client& c) {
  const ssize_t sent = ::send(c.fd, payload_.stamped(stamp_of(c)) + c.sent, payload_.size() - c.sent, MSG_NOSIGNAL);
  if (sent >= 0) {
    c.sent += static_cast<std::size_t>(sent);
  } else if (errno != EAGAIN) {
    fail(c, error_text());
  }
}

void generator::receive(client& c) {
  for (;;) {
    const bool whole = c.sequence % 256 == 1;
    const bool discard = !whole && payload_.in_middle(c.received);
    const std::size_t wanted = (whole ? payload_.size() : payload_.stretch_end(c.received)) - c.received;
    const ssize_t got = ::recv(c.fd, scratch_.data(), wanted, discard ? MSG_TRUNC : 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return fail(c, got == 0 ? std::string("closed by the server") : error_text());
    const auto bytes = static_cast<std::size_t>(got);
    if (!discard && !payload_.matches(stamp_of(c), c.received, {scratch_.data(), bytes}, whole)) {
      return fail(c, "wrong bytes");
    }
    c.received += bytes;
    if (c.received == payload_.size()) break;
    if (bytes < wanted) return;  // the socket is empty, the next bytes bring an edge
  }
  if (c.sent < payload_.size()) return fail(c, "answered before it was asked");
  now_ = nanoseconds_now();
  latency_.record(now_ - c.started);
  if (++c.answered == options_.messages) --unfinished_;
  begin_message(c);  // its answer brings an edge of its own
}

void generator::drive_until(std::uint64_t deadline) {
  std::array<epoll_event, 256> events{};
  while (now_ < deadline && unfinished_ > 0) {
    const int wait_ms = static_cast<int>((deadline - now_) / 1'000'000) + 1;
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), wait_ms);
    now_ = nanoseconds_now();
    for (int i = 0; i < count; ++i) {
      client& c = *static_cast<client*>(events[i].data.ptr);
      const std::uint32_t what = events[i].events;
      if (c.fd >= 0 && (what & EPOLLOUT) && c.sent < payload_.size()) send_rest(c);
      if (c.fd >= 0 && (what & ~static_cast<std::uint32_t>(EPOLLOUT))) receive(c);
    }
  }
}

std::string generator::run() {
  cpu_window window{options_.watch};
  connect_all();
  unfinished_ = alive_;
  drive_until(now_ + static_cast<std::uint64_t>(options_.warm_up * 1e9));
  latency_.clear();
  for (client& c : clients_) c.answered = 0;
  unfinished_ = alive_;
  window.open();
  now_ = nanoseconds_now();
  drive_until(now_ + static_cast<std::uint64_t>(options_.seconds * 1e9));
  const cpu_use use = window.close();
  for (client& c : clients_) {
    if (c.fd < 0) continue;
    if (c.answered == 0) ++errors_["a connection without an answer"];
    ::close(c.fd);
  }
  return report(use);
}

std::string generator::report(const cpu_use& use) const {
  const auto requests = static_cast<double>(latency_.count());
  return fmt::format(R"({{"connections": {}, "size": {}, "seconds": {:.6f}, "requests": {}, "per_second": {:.1f}, )"
                     R"("mib_per_second": {:.1f}, {}, {}, {}}})",
                     options_.connections, options_.size, use.seconds, latency_.count(), requests / use.seconds,
                     requests * static_cast<double>(options_.size) / use.seconds / (1 << 20), latency_json(latency_),
                     errors_json(errors_), cpu_json(use));
}

}  // namespace
}  // namespace shoal::bench

int main(int argc, char** argv) {
  using namespace shoal::bench;
  options chosen;
  CLI::App app{"Closed-loop load for servers that send back what they get; all on 127.0.0.1"};
  app.add_option("--port", chosen.port, "where the server listens")->required()->check(CLI::Range(1, 65535));
  app.add_option("--cpu", chosen.cpu, "processor to run on")->check(CLI::Range(0, CPU_SETSIZE - 1));
  app.add_option("--connections", chosen.connections, "each with one message in flight")->check(CLI::Range(1, 60000));
  app.add_option("--size", chosen.size, "bytes of a message")->check(CLI::Range(1, 1 << 28));
  app.add_option("--seconds", chosen.seconds, "length of the measured window")->check(CLI::Range(0.01, 3600.0));
  app.add_option("--messages", chosen.messages, "end it when every connection has had as many answers");
  app.add_option("--warm-up", chosen.warm_up, "seconds before it that do not count")->check(CLI::Range(0.0, 3600.0));
  app.add_option("--watch", chosen.watch, "process whose processor time is read; may be repeated");
  return run_program(app, argc, argv, [&chosen] {
    if (chosen.cpu >= 0) pin_to(chosen.cpu);
    generator load{chosen};
    fmt::print("{}\n", load.run());
    return load.clean() ? 0 : 1;
  });
}
