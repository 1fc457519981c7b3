// SPDX-License-Identifier: Apache-2.0
// tcp_listener: the sockets of one listener, and what is counted there. What it does with a client is its tcp_proxy's
// business, which a reload replaces while the sockets and all connections stay.
//
// Thread rule: a shared service (core/shared_service.hpp): described, renewed and ended on the thread that runs the
//   runtime.
#pragma once

#include "proxy/config.hpp"
#include "proxy/tcp_proxy.hpp"
#include "proxy/traffic.hpp"
#include <shoal/net/server.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace proxy {

class tcp_listener {
 public:
  tcp_listener(shoal::runtime& owner, const shoal::config::listener_config& config,
               std::shared_ptr<traffic_by_shard> traffic, shoal::handed_sockets* handed);

  /// What it does with clients that come from now on, before the start and later.
  void serve_by(const std::shared_ptr<tcp_proxy>& proxy);
  /// Takes no more clients; those who are there finish. `then`: none is left (server::stop_accepting()).
  void end(std::function<void()> then) { server_.stop_accepting(std::move(then)); }

  void leave_unix_paths() noexcept { server_.leave_unix_paths(); }

  /// What it binds, as the file says; it never changes.
  [[nodiscard]] const std::vector<std::string>& binds() const noexcept { return server_.options().bind; }
  [[nodiscard]] const shoal::server& server() const noexcept { return server_; }
  /// Outlives it: the last connections count there.
  [[nodiscard]] const std::shared_ptr<traffic_by_shard>& traffic() const noexcept { return traffic_; }

 private:
  std::shared_ptr<traffic_by_shard> traffic_;
  shoal::runtime& runtime_;
  shoal::server server_;
};

/// The addresses that a listener binds, as text.
[[nodiscard]] std::vector<std::string> binds_of(const shoal::config::listener_config& config);

}  // namespace proxy
