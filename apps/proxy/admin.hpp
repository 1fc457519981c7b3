// SPDX-License-Identifier: Apache-2.0
// admin: what the proxy says about itself over HTTP, on an address of its own.
//
//   /metrics     all counters, by shard, for Prometheus
//   /healthz     200 as long as every shard answers
//   /ready       200 once all listeners listen, 503 before, and from the moment it was told to stop
//   /upstreams   endpoints, whether they are up, and their connections, as JSON
//
// One request per connection, GET or HEAD; served by shard 0, which asks the others. It changes nothing, so it asks
// nobody who he is: bind it where only those may come who may know.
//
// Thread rule: made and destroyed while the runtime does not run.
// Invariant: it stops after the listeners, so the end can be watched.
#pragma once

#include "proxy/admin_pages.hpp"
#include "proxy/admin_request.hpp"
#include "proxy/config.hpp"
#include "proxy/reload.hpp"
#include <shoal/net/server.hpp>

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

namespace proxy {

struct admin_answer {
  unsigned status = 200;
  std::string_view type = "text/plain; charset=utf-8";
  std::string body;
};

class admin {
 public:
  /// Before what it tells of is declared. All must outlive it.
  admin(shoal::runtime& owner, const shoal::config::admin_options& options, const deployment& serving,
        const reload& reloads, shoal::handed_sockets& handed);
  admin(const admin&) = delete;
  admin& operator=(const admin&) = delete;
  ~admin() = default;

  /// All listeners listen: from now on it says so. Any thread.
  void mark_ready() noexcept { ready_ = true; }
  [[nodiscard]] const std::vector<shoal::bound_socket>& sockets() const noexcept { return server_.sockets(); }
  /// Somebody else answers there now.
  void end();
  [[nodiscard]] const std::vector<shoal::address>& addresses() const noexcept { return server_.addresses(); }

 private:
  [[nodiscard]] shoal::task<> serve(shoal::connection& client);
  [[nodiscard]] admin_answer at_once(const admin_request& asked) const;
  [[nodiscard]] shoal::task<admin_answer> look(std::string path);
  [[nodiscard]] shoal::task<std::vector<proxy_look>> ask_all_shards(generation_ptr now);
  [[nodiscard]] static shoal::task<limits_look> ask_limits(generation_ptr now);

  shoal::runtime& runtime_;
  const deployment& serving_;
  const reload& reloads_;
  std::atomic<bool> ready_{false};
  shoal::server server_;
};

}  // namespace proxy
