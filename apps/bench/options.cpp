// SPDX-License-Identifier: Apache-2.0
#include "bench/options.hpp"

#include <shoal/core/cpu_list.hpp>
#include <shoal/core/version.hpp>

#include <CLI/CLI.hpp>

#include <iostream>
#include <map>
#include <string_view>

namespace bench {
namespace {

constexpr std::uint64_t second = 1'000'000'000;  // ns
constexpr std::uint64_t longest_time = 86'400 * second;
constexpr std::string_view scheme = "tcp://";

/// What CLI11 takes as text and we read ourselves.
struct texts {
  std::string target;
  std::string shards = "auto";
  std::string cpus;
  std::string poller = "auto";
  std::string arrival = "constant";
  std::uint64_t length = 10 * second;
  std::uint64_t warmup = second;
  std::uint64_t timeout = 5 * second;
  CLI::Option* count = nullptr;
};

void add_time(CLI::App& app, const char* name, std::uint64_t& out, std::uint64_t least, const char* what) {
  const std::map<std::string, std::uint64_t> units{
      {"us", 1'000}, {"ms", 1'000'000}, {"s", second}, {"m", 60 * second}, {"h", 3600 * second}};
  app.add_option(name, out, what)
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::UNIT_REQUIRED, "NUMBER{us,ms,s,m,h}"))
      ->check(CLI::Range(least, longest_time, "up to 24h"))
      ->option_text("TIME");
}

void describe_load(CLI::App& app, texts& in, options& out) {
  app.add_option("target", in.target, "what to measure: tcp://host:port or unix:/path, a server that echoes")
      ->required();
  app.add_option("-c,--connections", out.connections, "connections, on all cores together")
      ->capture_default_str()
      ->check(CLI::Range(1U, most_connections));
  in.count = app.add_option("-n,--requests", out.requests, "measure so many requests instead of a time")
                 ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40U));
  add_time(app, "-d,--duration", in.length, 1'000'000, "measure for so long (10s)");
  app.get_option("--duration")->excludes(in.count);
  app.add_option("-R,--rate", out.rate, "open loop: requests per second, on all cores together; default: closed loop")
      ->check(CLI::Range(0.001, 1e9));
  app.add_option("--arrival", in.arrival, "of an open loop: constant or poisson")
      ->capture_default_str()
      ->check(CLI::IsMember({"constant", "poisson"}))
      ->needs("--rate");
  add_time(app, "--warmup", in.warmup, 0, "load before the measurement, not counted (1s)");
  add_time(app, "--timeout", in.timeout, 1'000, "of a connect and of an answer (5s)");
  app.add_option("--size", out.size, "bytes per frame")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(smallest_frame, largest_frame, "16 bytes to 16 MiB"))
      ->option_text("SIZE (1KiB)");
  app.add_option("--seed", out.seed, "of poisson arrivals")->capture_default_str();
}

void describe_program(CLI::App& app, texts& in, options& out) {
  app.add_option("-t,--shards", in.shards, "client cores: auto, cores or a number")->capture_default_str();
  app.add_option("--cpus", in.cpus, "CPUs to pin them to, such as 0-3,6");
  app.add_option("--poller", in.poller, "auto, epoll or io_uring")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "epoll", "io_uring"}));
  app.add_option("--json", out.json, "write the result to this file; - is the standard output");
}

/// Says what is wrong with an option. 2, the exit status.
int refuse(std::string_view option, const std::string& text, std::string_view what) {
  std::cerr << option << ": \"" << text << "\" " << what << '\n';
  return 2;
}

int read_target(const texts& in, options& out) {
  out.target = in.target;
  if (out.target.starts_with(scheme)) {
    out.target.erase(0, scheme.size());
  } else if (!out.target.starts_with("unix:/")) {
    return refuse("target", in.target, "does not begin with tcp:// or unix:/");
  }
  if (out.target.empty()) return refuse("target", in.target, "names nobody");
  return -1;
}

int read_placement(const texts& in, options& out) {
  auto& request = out.runtime.shards;
  if (in.shards == "cores") {
    request.shards = shoal::shard_request::cores;
  } else if (in.shards != "auto") {
    if (!CLI::detail::lexical_cast(in.shards, request.shards) || request.shards == 0 ||
        request.shards > shoal::max_shards) {
      return refuse("--shards", in.shards, "is not auto, cores or a number of shards");
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

}  // namespace

int parse(int argc, const char* const* argv, options& out) {
  CLI::App app{"shoal-bench: measures a server, per core, and says when its own measurement is wrong"};
  texts in;
  describe_load(app, in, out);
  describe_program(app, in, out);
  app.set_version_flag("--version", shoal::version_line("shoal-bench"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (const int status = read_target(in, out); status >= 0) return status;
  if (const int status = read_placement(in, out); status >= 0) return status;
  out.length = std::chrono::nanoseconds{in.length};
  out.warmup = std::chrono::nanoseconds{in.warmup};
  out.timeout = std::chrono::nanoseconds{in.timeout};
  if (in.arrival == "poisson") out.arrivals = arrival::poisson;
  return -1;
}

}  // namespace bench
