// SPDX-License-Identifier: Apache-2.0
#include "echo/options.hpp"

#include <shoal/core/cpu_list.hpp>
#include <shoal/core/version.hpp>

#include <CLI/CLI.hpp>

#include <iostream>

namespace echo {

int parse(int argc, const char* const* argv, options& out) {
  CLI::App app{"shoal-echo: a TCP echo server, one shard per core. Try it: echo hello | socat - TCP:127.0.0.1:7000"};
  std::string shards = "auto";
  std::string cpus;
  std::string poller = "auto";
  app.add_option("--listen", out.listen, "host:port, [ipv6]:port or unix:/path; may be repeated; port 0 picks one")
      ->capture_default_str();
  app.add_option("--shards", shards, "auto (one per usable CPU), cores (one per physical core) or a number")
      ->capture_default_str();
  app.add_option("--cpus", cpus, "CPUs to pin the shards to, such as 0-3,6");
  app.add_option("--poller", poller, "auto, epoll or io_uring")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "epoll", "io_uring"}));
  const auto& built = shoal::build();
  app.set_version_flag("--version", "shoal-echo " + std::string(built.version) + " (" + std::string(built.commit) +
                                        ", " + std::string(built.compiler) + ", epoll, io_uring)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  auto& request = out.runtime.shards;
  if (shards == "cores") {
    request.shards = shoal::shard_request::cores;
  } else if (shards != "auto") {
    if (!CLI::detail::lexical_cast(shards, request.shards) || request.shards == 0 ||
        request.shards > shoal::max_shards) {
      std::cerr << "--shards: \"" << shards << "\" is not auto, cores or a number from 1 to " << shoal::max_shards
                << '\n';
      return 2;
    }
  }
  if (!cpus.empty()) {
    auto list = shoal::parse_cpu_list(cpus);
    if (!list) {
      std::cerr << "--cpus: \"" << cpus << "\" is not a CPU list such as 0-3,6\n";
      return 2;
    }
    request.cpus = *list;
  }
  if (poller == "epoll") out.runtime.poller = shoal::poller_kind::epoll;
  if (poller == "io_uring") out.runtime.poller = shoal::poller_kind::io_uring;
  return -1;
}

}  // namespace echo
