// SPDX-License-Identifier: Apache-2.0
// deployment: what the file declares, as it runs: listeners, what they do with clients, and the upstreams behind them.
//
//   deployment now{runtime, access};
//   now.declare(config);             // adds its services
//   runtime.start();
//   ...
//   auto changed = now.change_to(newer);     // at SIGHUP
//
// A change makes what is new and what differs, starts it, and lets go of the rest: what is equal stays what it is, with
// its connections, health and counters. A listener that binds what it bound keeps its sockets. Established connections
// go on by the configuration they came under, and what they need lives until the last of them has gone.
//
// Thread rule: all on the thread that runs the runtime, but for now(), which any shard may call.
// Invariant: a change happens as a whole or not at all.
#pragma once

#include "proxy/access_log.hpp"
#include "proxy/config.hpp"
#include "proxy/tcp_listener.hpp"
#include "proxy/tcp_proxy.hpp"
#include <shoal/net/handed_sockets.hpp>

#include <cstddef>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace proxy {

struct served_listener {
  std::shared_ptr<tcp_listener> listener;
  std::shared_ptr<tcp_proxy> proxy;
};

/// One configuration and what runs by it. Never changes.
struct generation {
  shoal::config::proxy_config config;
  shared_upstreams upstreams;
  std::vector<served_listener> listeners;  // in the order of the file
};
using generation_ptr = std::shared_ptr<const generation>;

/// How many of what a change has made, replaced and let go.
struct change_summary {
  std::size_t listeners_added = 0;
  std::size_t listeners_changed = 0;
  std::size_t listeners_removed = 0;
  std::size_t upstreams_added = 0;
  std::size_t upstreams_changed = 0;
  std::size_t upstreams_removed = 0;
};

class deployment {
 public:
  /// `access` may be nullptr. `handed`: sockets of a process before this one. All must outlive it.
  deployment(shoal::runtime& owner, access_log* access, shoal::handed_sockets& handed);
  deployment(const deployment&) = delete;
  deployment& operator=(const deployment&) = delete;
  ~deployment() = default;

  /// Before the start.
  void declare(const shoal::config::proxy_config& config);
  /// While it runs. On an error everything is as it was.
  [[nodiscard]] std::expected<change_summary, shoal::start_failure> change_to(
      const shoal::config::proxy_config& config);

  /// The sockets of all listeners, for a process after this one.
  [[nodiscard]] std::vector<shoal::bound_socket> sockets() const;
  void leave_unix_paths() noexcept;

  /// The newest; empty before declare().
  [[nodiscard]] generation_ptr now() const;
  /// Clients that are connected, those of listeners that are gone included.
  [[nodiscard]] std::uint64_t connections() const;

 private:
  [[nodiscard]] std::expected<std::shared_ptr<generation>, shoal::start_failure> make(
      const shoal::config::proxy_config& config, const generation& before, change_summary& summary);
  void make_upstreams(generation& made, const generation& before, change_summary& summary);
  [[nodiscard]] std::expected<void, shoal::start_failure> make_listener(generation& made,
                                                                        const shoal::config::listener_config& config,
                                                                        const generation& before,
                                                                        change_summary& summary);
  void let_go(const served_listener& old);
  void publish(generation_ptr newest);

  shoal::runtime& runtime_;
  access_log* access_;
  shoal::handed_sockets& handed_;
  mutable std::mutex mutex_;  // guards newest_; taken for a look at the states, not for a client
  generation_ptr newest_ = std::make_shared<generation>();
  std::vector<std::shared_ptr<tcp_listener>> leaving_;  // their last clients are still there
};

}  // namespace proxy
