// SPDX-License-Identifier: Apache-2.0
// bench_echo_styles: the echo of shoal-echo written as a plain function, as a coroutine per message, and as a coroutine
// per connection, to see what a style costs. One shard on one CPU.
#include <shoal/shoal.hpp>

#include <CLI/CLI.hpp>

#include <csignal>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace {

using shoal::connection;
using shoal::task;

void plain(connection& c) {
  if (c.output().append(c.input().take_all())) c.flush();
}

task<> per_message(connection& c) {
  auto bytes = co_await c.reader().take_all();
  if (bytes && c.output().append(std::move(*bytes))) static_cast<void>(co_await c.flush());
}

task<> session(connection& c) {
  for (;;) {
    auto bytes = co_await c.reader().take_all();
    if (!bytes || !c.output().append(std::move(*bytes))) co_return;
    if (const auto flushed = co_await c.flush(); !flushed) co_return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"bench_echo_styles: one echo server, written in one of three ways"};
  std::string style = "plain";
  std::string listen = "127.0.0.1:7000";
  int cpu = -1;
  app.add_option("--style", style)->check(CLI::IsMember({"plain", "message", "session"}))->capture_default_str();
  app.add_option("--listen", listen)->capture_default_str();
  app.add_option("--cpu", cpu, "pins to this one");
  CLI11_PARSE(app, argc, argv);

  shoal::runtime_options options;
  options.shards.shards = 1;
  if (cpu >= 0) options.shards.cpus = std::vector{static_cast<unsigned>(cpu)};
  options.poller = shoal::poller_kind::epoll;
  shoal::runtime runtime{options};
  shoal::server server{runtime, {.bind = listen, .name = style}};
  if (style == "plain") server.on_request(plain);
  if (style == "message") server.on_request(per_message);
  if (style == "session") server.on_connect(session);
  runtime.stop_on({SIGINT, SIGTERM});
  const int status = runtime.run();
  for (const auto& shard : runtime.reports()) {
    std::cout << "left over: " << shard.fds << " fds, " << shard.blocks << " blocks, " << shard.timers << " timers\n";
  }
  return status;
}
