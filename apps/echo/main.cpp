// SPDX-License-Identifier: Apache-2.0
// shoal-echo: sends back what it gets. The whole server is the function below the handlers; the same handler twice, as
// a plain function and as a coroutine.
#include "echo/options.hpp"
#include "echo/stats.hpp"
#include <shoal/shoal.hpp>

#include <csignal>
#include <optional>
#include <utility>

namespace {

void answer(shoal::connection& c, shoal::duration work) {
  c.owner().burn(work);
  // Moves blocks, copies nothing. An error (out of memory) ends the connection by the flush.
  if (c.output().append(c.input().take_all())) c.flush();
}

shoal::task<> answer_and_wait(shoal::connection& c, shoal::duration work) {
  auto bytes = co_await c.reader().take_all();
  if (!bytes) co_return;
  c.owner().burn(work);
  if (c.output().append(std::move(*bytes))) static_cast<void>(co_await c.flush());
}

int serve(const echo::options& options) {
  shoal::runtime runtime{options.runtime};
  shoal::server server{
      runtime,
      {.bind = options.listen, .name = "echo", .distribution = options.distribution, .rebalance = options.rebalance}};
  if (options.style == echo::handler_style::callback) {
    server.on_request([work = options.work](shoal::connection& c) { answer(c, work); });
  } else {
    server.on_request([work = options.work](shoal::connection& c) { return answer_and_wait(c, work); });
  }
  std::optional<echo::stats> stats;
  if (options.stats) stats.emplace(runtime, server);
  runtime.stop_on({SIGINT, SIGTERM});
  return runtime.run();
}

}  // namespace

int main(int argc, char** argv) {
  echo::options options;
  if (const int status = echo::parse(argc, argv, options); status >= 0) return status;
  return serve(options);
}
