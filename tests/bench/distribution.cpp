// SPDX-License-Identifier: Apache-2.0
// bench_distribution: where connections land, by policy: so many that ask once and so many that stay and ask now and
// then, in random order from one thread, against a server in this process. Prints the largest count of a shard as a
// multiple of the mean. The same on simulated time, and with bounds: tests/sim/distribution_test.cpp.
#include "program.hpp"
#include <shoal/core/random.hpp>
#include <shoal/shoal.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using shoal::accept_distribution;

struct setting {
  unsigned shards = 4;
  std::size_t brief = 10'000;
  std::size_t lasting = 500;
  unsigned work_us = 20;
  std::string distribution = "all";
};

/// A blocking connection to the server, which ends with a reset: thousands of them must not use up the ports.
class client {
 public:
  explicit client(const shoal::address& server) : fd_(must(::socket(AF_INET, SOCK_STREAM, 0), "socket")) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    must(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), "SO_LINGER");
    const int on = 1;
    must(::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    const auto name = server.view();
    must(::connect(fd_, name.data, name.size), "connect");
  }
  client(client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  client& operator=(client&&) = delete;
  ~client() {
    if (fd_ >= 0) ::close(fd_);
  }

  /// The shard that answered.
  [[nodiscard]] std::size_t ask() const {
    std::uint16_t answer = 0;
    must(static_cast<int>(::send(fd_, "?", 1, MSG_NOSIGNAL)), "send");
    if (::recv(fd_, &answer, sizeof answer, MSG_WAITALL) != sizeof answer) {
      throw std::runtime_error("the server has hung up");
    }
    return ntohs(answer);
  }

 private:
  int fd_;
};

double max_to_mean(const std::vector<std::uint64_t>& counts) {
  const auto total = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  if (total == 0) return 0;
  return static_cast<double>(std::ranges::max(counts) * counts.size()) / static_cast<double>(total);
}

std::string listed(const std::vector<std::uint64_t>& counts) {
  std::string text;
  for (const auto count : counts) text += (text.empty() ? "" : " ") + std::to_string(count);
  return text;
}

void run(const setting& s, accept_distribution how) {
  shoal::runtime_options options;
  options.shards.shards = s.shards;
  options.shards.memory_per_shard = std::size_t{32} << 20U;
  options.log.level = shoal::log_level::error;
  shoal::runtime runtime{options};
  shoal::server server{runtime, {.bind = "127.0.0.1:0", .name = "bench", .distribution = how}};
  server.on_request([work = std::chrono::microseconds{s.work_us}](shoal::connection& c) {
    for (std::size_t left = c.input().take_all().len(); left != 0; --left) {
      c.owner().burn(work);
      if (!c.output().write_u16_be(c.owner().id())) return;
    }
    c.flush();
  });
  if (auto started = runtime.start(); !started) throw std::runtime_error(started.error().what);

  shoal::random_source random{1};
  std::vector<std::uint64_t> brief(s.shards), lasting(s.shards);
  std::vector<client> staying;
  const auto& where = server.addresses().front();
  for (std::size_t briefs = s.brief, lastings = s.lasting; briefs + lastings != 0;) {
    if (random.below(briefs + lastings) < briefs) {
      --briefs;
      ++brief[client{where}.ask()];
    } else {
      --lastings;
      ++lasting[staying.emplace_back(where).ask()];
    }
    if (staying.empty()) continue;
    static_cast<void>(staying[static_cast<std::size_t>(random.below(staying.size()))].ask());
  }
  std::printf("%-18s  %6.3f  %6.3f   %s\n", to_string(how).c_str(), max_to_mean(brief), max_to_mean(lasting),
              listed(lasting).c_str());
  staying.clear();
  runtime.stop_now();
  runtime.wait();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"bench_distribution: how evenly each policy of accept distribution deals out connections"};
  setting s;
  app.add_option("--shards", s.shards)->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--short", s.brief, "connections that ask once")->capture_default_str();
  app.add_option("--long", s.lasting, "connections that stay")->capture_default_str();
  app.add_option("--work", s.work_us, "CPU microseconds per request")->capture_default_str();
  app.add_option("--distribution", s.distribution, "one policy; all")->capture_default_str();
  return shoal::bench::run_program(app, argc, argv, [&] {
    const auto one = shoal::parse_accept_distribution(s.distribution);
    if (!one && s.distribution != "all") {
      std::fprintf(stderr, "no such policy: %s\n", s.distribution.c_str());
      return 2;
    }
    std::printf("max/mean over %u shards of %zu short, %zu long connections; long ones by shard\n", s.shards, s.brief,
                s.lasting);
    if (one) return run(s, *one), 0;
    for (const char* name : {"reuseport", "incoming_cpu", "round_robin", "least_connections", "random_two",
                             "source_hash", "least_busy", "fixed:0"}) {
      run(s, *shoal::parse_accept_distribution(name));
    }
    return 0;
  });
}
