// SPDX-License-Identifier: Apache-2.0
// shoal-echo: sends back what it gets. The whole server is the function below main's options.
#include "echo/options.hpp"
#include <shoal/shoal.hpp>

#include <csignal>

namespace {

int serve(const echo::options& options) {
  shoal::runtime runtime{options.runtime};
  shoal::server server{runtime, {.bind = options.listen, .name = "echo"}};
  server.on_request([](shoal::connection& c) {
    // Moves blocks, copies nothing. An error (out of memory) ends the connection by the flush.
    if (c.output().append(c.input().take_all())) c.flush();
  });
  runtime.stop_on({SIGINT, SIGTERM});
  return runtime.run();
}

}  // namespace

int main(int argc, char** argv) {
  echo::options options;
  if (const int status = echo::parse(argc, argv, options); status >= 0) return status;
  return serve(options);
}
