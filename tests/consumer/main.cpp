// SPDX-License-Identifier: Apache-2.0
// The smallest server of somebody else: echo, until told to stop.
#include <shoal/shoal.hpp>

#include <csignal>

int main() {
  shoal::runtime runtime;
  shoal::server server{runtime, {.bind = "unix:consumer.sock"}};
  server.on_request([](shoal::connection& c) {
    if (c.output().append(c.input().take_all())) c.flush();
  });
  runtime.stop_on({SIGINT, SIGTERM});
  return runtime.run();
}
