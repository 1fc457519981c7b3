// SPDX-License-Identifier: Apache-2.0
#include "echo/options.hpp"

#include <shoal/core/cpu_list.hpp>
#include <shoal/core/version.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <iostream>
#include <map>
#include <string_view>

namespace echo {
namespace {

constexpr std::uint64_t longest_work_ns = 1'000'000'000;

/// What CLI11 takes as text and we read ourselves.
struct texts {
  std::string shards = "auto";
  std::string cpus;
  std::string poller = "auto";
  std::string distribution = "reuseport";
  std::string rebalance = "off";
  std::string style = "callback";
  std::uint64_t work_ns = 0;
};

void describe(CLI::App& app, texts& in, options& out) {
  app.add_option("--listen", out.listen, "host:port, [ipv6]:port or unix:/path; may be repeated; port 0 picks one")
      ->capture_default_str();
  app.add_option("--shards", in.shards, "auto (one per usable CPU), cores (one per physical core) or a number")
      ->capture_default_str();
  app.add_option("--cpus", in.cpus, "CPUs to pin the shards to, such as 0-3,6");
  app.add_option("--poller", in.poller, "auto, epoll or io_uring")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "epoll", "io_uring"}));
  app.add_option("--distribution", in.distribution,
                 "which shard serves a new connection: reuseport, incoming_cpu, round_robin, least_connections, "
                 "random_two, source_hash, least_busy or fixed:N")
      ->capture_default_str();
  app.add_option("--rebalance", in.rebalance, "move connections from busy shards to idle ones: off, auto or dry_run")
      ->capture_default_str()
      ->check(CLI::IsMember({"off", "auto", "dry_run"}));
  const std::map<std::string, std::uint64_t> units{{"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}};
  app.add_option("--work", in.work_ns, "CPU time to burn per request, such as 200us; at most 1s")
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::UNIT_REQUIRED, "NUMBER{ns,us,ms,s}"))
      ->check(CLI::Range(std::uint64_t{0}, longest_work_ns, "up to 1s"))
      ->option_text("TIME");
  app.add_option("--style", in.style, "how the handler is written: callback or coroutine")
      ->capture_default_str()
      ->check(CLI::IsMember({"callback", "coroutine"}));
  app.add_flag("--stats", out.stats, "print connections, busy share and moves of each shard, every second");
}

/// Says what is wrong with an option. 2, the exit status.
int refuse(std::string_view option, const std::string& text, std::string_view what) {
  std::cerr << option << ": \"" << text << "\" " << what << '\n';
  return 2;
}

int read_placement(const texts& in, options& out) {
  auto& request = out.runtime.shards;
  if (in.shards == "cores") {
    request.shards = shoal::shard_request::cores;
  } else if (in.shards != "auto") {
    if (!CLI::detail::lexical_cast(in.shards, request.shards) || request.shards == 0 ||
        request.shards > shoal::max_shards) {
      return refuse("--shards", in.shards,
                    "is not auto, cores or a number from 1 to " + std::to_string(shoal::max_shards));
    }
  }
  if (!in.cpus.empty()) {
    auto list = shoal::parse_cpu_list(in.cpus);
    if (!list) return refuse("--cpus", in.cpus, "is not a CPU list such as 0-3,6");
    request.cpus = *list;
  }
  if (in.poller == "epoll") out.runtime.poller = shoal::poller_kind::epoll;
  if (in.poller == "io_uring") out.runtime.poller = shoal::poller_kind::io_uring;
  return -1;
}

int read_balancing(const texts& in, options& out) {
  const auto distribution = shoal::parse_accept_distribution(in.distribution);
  if (!distribution) {
    return refuse("--distribution", in.distribution,
                  "is not reuseport, incoming_cpu, round_robin, least_connections, random_two, source_hash, "
                  "least_busy or fixed:N");
  }
  out.distribution = *distribution;
  if (in.rebalance == "auto") out.rebalance = shoal::rebalance_mode::automatic;
  if (in.rebalance == "dry_run") out.rebalance = shoal::rebalance_mode::dry_run;
  return -1;
}

}  // namespace

int parse(int argc, const char* const* argv, options& out) {
  CLI::App app{"shoal-echo: a TCP echo server, one shard per core. Try it: echo hello | socat - TCP:127.0.0.1:7000"};
  texts in;
  describe(app, in, out);
  app.set_version_flag("--version", shoal::version_line("shoal-echo"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (const int status = read_placement(in, out); status >= 0) return status;
  if (const int status = read_balancing(in, out); status >= 0) return status;
  out.work = std::chrono::nanoseconds{in.work_ns};
  if (in.style == "coroutine") out.style = handler_style::coroutine;
  return -1;
}

}  // namespace echo
