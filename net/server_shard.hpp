// SPDX-License-Identifier: Apache-2.0
// server_shard: what a server has on one shard: its listeners, its copy of the hooks, its connections.
//
// Thread rule: owner shard only, but for the server's atomic count.
// Invariants: a descriptor that arrives here becomes a connection or is closed. stop() ends when no connection is left.
#pragma once

#include <shoal/core/log_gate.hpp>
#include <shoal/core/message.hpp>
#include <shoal/core/run_item.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/task.hpp>
#include <shoal/net/balancer/accept_balancer.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/connection_options.hpp>
#include <shoal/net/listener.hpp>
#include <shoal/net/server.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace shoal {

class server_shard final : public connection_observer {
 public:
  server_shard(server& owner, shard& here);
  ~server_shard() = default;
  server_shard(const server_shard&) = delete;
  server_shard& operator=(const server_shard&) = delete;

  void start(const std::vector<listening_socket>& sockets);
  /// Ends when nothing is left.
  [[nodiscard]] task<> end(instant deadline);
  /// The same in the background while the shard goes on; `done` is called then.
  void shut_down(instant deadline, std::function<void()> done);
  void hurry();
  /// New connections are as the server says now.
  void renew();
  /// Closes the listeners once nobody waits at them; the server is told when they are.
  void stop_accepting();
  /// A stop has begun: who waits in the queues is served, nobody after them; idle means over.
  void take_no_more();

  /// A descriptor accepted here or elsewhere, counted already. Becomes a connection or is closed.
  void adopt(int fd, const address& peer);
  [[nodiscard]] std::uint64_t served() const noexcept { return served_; }

 private:
  struct handover;
  struct stop_wait;
  struct tick final : timer {
    explicit tick(server_shard& s, timer::callback call) noexcept : timer(call), owner(s) {}
    server_shard& owner;
  };

  struct arrival {
    int fd;
    address peer;
    bool hands_on;
  };

  void admit(int fd, const address& peer, bool hands_on);
  void place(int fd, const address& peer, bool hands_on);
  [[nodiscard]] task<> stop(instant deadline);
  task<> shut_down_and_tell(instant deadline, std::function<void()> done);
  void use_room();
  [[nodiscard]] bool take_place() noexcept;
  void give_place_back() noexcept;
  void on_connection_gone(connection& c) noexcept override;
  [[nodiscard]] bool has_successors() const noexcept override { return true; }
  [[nodiscard]] connection_observer* successor(shard& there) const noexcept override;
  [[nodiscard]] profile_ptr profile_of_arrivals() const override { return profile_; }
  [[nodiscard]] rebalance_mode rebalances() const noexcept override;
  void on_connection_left(connection& c) noexcept override;
  void on_connection_arrived(connection& c) noexcept override;
  [[nodiscard]] bool is_empty() const noexcept;
  [[nodiscard]] bool accepts_nothing() const noexcept;
  void listener_closed();
  void wake_if_empty() noexcept;
  void for_own(void (*action)(connection&));

  server& server_;
  shard& shard_;
  profile_ptr profile_;
  std::vector<std::unique_ptr<listener>> listeners_;
  std::vector<arrival> held_;  // accepted, but the server is full: at most one batch of accepts per listener
  std::uint64_t served_ = 0;
  std::size_t open_ = 0;
  accept_balancer balancer_;
  bool stopping_ = false;
  bool told_closed_ = false;
  bool over_ = false;  // nothing is waited for any more
  run_queue stop_waits_;
  scope shutdowns_{[](const std::exception_ptr&) noexcept {}};
  tick limit_tick_;  // looks again whether a full server has room
  tick deadline_tick_;
  log_gate limit_gate_;
};

}  // namespace shoal
