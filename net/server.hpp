// SPDX-License-Identifier: Apache-2.0
// server: listens on addresses, on every shard of a runtime, and runs hooks on what it accepts.
//
//   shoal::server server{runtime, {.bind = "127.0.0.1:7000"}};
//   server.on_request([](shoal::connection& c) { ... });
//
// Thread rule: describe it before it starts, on the thread that starts it. Hooks run on the shards: each shard
//   has its own copy, captures included; what they share must be immutable or a message away.
// Invariants: every address is bound before any shard runs, so a port in use fails the start by name.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/core/service.hpp>
#include <shoal/net/address.hpp>
#include <shoal/net/balancer/accept_distribution.hpp>
#include <shoal/net/balancer/open_counts.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/connection_options.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace shoal {

class handed_sockets;
class server_shard;

/// A descriptor that listens, and whether the shard that has it hands on what it accepts.
struct listening_socket {
  int fd;
  bool hands_on;
};

/// A descriptor that listens, and what it goes by in handed_sockets.
struct bound_socket {
  std::string name;
  int fd;
};

/// One address or several: "127.0.0.1:7000", "[::]:7000", "unix:/run/x.sock", "fd://3" (an inherited socket that
/// listens) or "fd://web" (those of that name, by systemd's protocol). Port 0 picks one. An inherited socket is closed
/// at the end like any other.
struct bind_list : std::vector<std::string> {
  bind_list() = default;
  bind_list(const char* one) : vector{one} {}             // NOLINT(google-explicit-constructor): written in place
  bind_list(std::string one) : vector{std::move(one)} {}  // NOLINT(google-explicit-constructor)
  bind_list(std::vector<std::string> many) : vector{std::move(many)} {}  // NOLINT(google-explicit-constructor)
  bind_list(std::initializer_list<std::string> many) : vector{many} {}
};

struct server_options {
  bind_list bind;
  std::string name = "server";  ///< in log lines
  /// How accepted connections find their shard. Where the kernel would choose and there is one socket only (a unix
  /// socket, an inherited one), in turn.
  accept_distribution distribution = accept_distribution::reuseport;
  int backlog = 4096;
  std::uint64_t max_connections = 100000;          ///< of this server in the process; accepting pauses there
  rebalance_mode rebalance = rebalance_mode::off;  ///< whether connections move to other shards by load
  /// It takes connections as long as services that started after it have some: for who shows how a stop goes on.
  bool outlasts_others = false;
  tcp_options tcp;
  connection_options connections;
  /// Sockets of a process before this one, looked for before an address is bound. Must outlive the start.
  handed_sockets* handed = nullptr;
};

class server final : public service {
 public:
  server(runtime& owner, server_options options);
  ~server();

  server& on_prepare(callback<void(connection&)> hook);
  server& on_connect(handler hook);
  server& on_request(handler hook);
  /// Around a move of a connection to another shard; one with a context stays where it is without on_arrive.
  server& on_leave(callback<bool(connection&)> hook);
  server& on_arrive(callback<void(connection&)> hook);
  server& on_disconnect(callback<void(connection&, std::error_code)> hook);

  /// Ends this server while its runtime goes on: accepting stops, idle connections are closed, busy ones finish, what
  /// is left after `within` is reset. The future is ready when nothing of it is left on any shard, at once if it does
  /// not run. Any thread that is no shard; again is harmless.
  [[nodiscard]] std::future<void> shutdown(duration within);

  /// While its runtime runs, on the thread that runs it. The hooks, name, limit and options that new connections have
  /// from now on; those that are open keep theirs. The sockets, and all that depends on them, stay as they are.
  void renew(std::string name, std::uint64_t max_connections, connection_options connections);
  /// The same: closes its sockets, after accepting who waits there. What is open goes on; `then` runs on that thread
  /// when it has ended by itself, not if the runtime stops before.
  void stop_accepting(std::function<void()> then);

  /// Its sockets, each with what was asked to be bound, for a process after this one. On the thread that runs the
  /// runtime, while it accepts.
  [[nodiscard]] const std::vector<bound_socket>& sockets() const noexcept { return bound_; }
  /// Somebody else has the sockets too: the files of unix sockets stay.
  void leave_unix_paths() noexcept { unix_paths_.clear(); }

  /// What was bound, ports filled in; valid from the start on.
  [[nodiscard]] const std::vector<address>& addresses() const noexcept { return addresses_; }
  [[nodiscard]] const server_options& options() const noexcept { return options_; }
  /// Open connections, summed over the shards; any thread.
  [[nodiscard]] std::uint64_t connections() const noexcept { return open_.load(std::memory_order_relaxed); }
  /// Open connections served by a shard, or on their way to it; any thread. 0 before the start.
  [[nodiscard]] std::uint64_t connections_on(shard_id where) const noexcept { return open_on_.on(where); }
  /// Connections served since the start, by shard; valid after the end.
  [[nodiscard]] const std::vector<std::uint64_t>& served_by_shard() const noexcept { return served_; }

 private:
  friend class server_shard;
  class shutdown_call;

  std::expected<void, start_failure> prepare(runtime& owner) override;
  void start(shard& here) override;
  void stopping(shard& here) override;
  [[nodiscard]] task<> stop(shard& here, instant deadline) override;
  void hurry(shard& here) override;
  void finished() noexcept override;

  std::expected<void, start_failure> open_sockets(const std::string& text);
  std::expected<void, start_failure> open_inherited(const std::string& text);
  std::expected<void, start_failure> check_distribution();
  std::expected<void, start_failure> adopt_sockets(const std::string& text, std::span<const int> fds);
  void remove_unix_paths() noexcept;
  [[nodiscard]] std::string handed_name(const std::string& text) const;
  void gave_place_back();
  void shard_accepts_nothing();
  void tell_if_over();
  [[nodiscard]] std::size_t sockets_per_address() const noexcept;
  /// Of what is not spread over all: the shard that has the socket.
  [[nodiscard]] shard_id acceptor() const noexcept;

  runtime& runtime_;
  server_options options_;
  connection_hooks hooks_;
  std::vector<address> addresses_;
  std::vector<address> unix_paths_;  // made by us, and removed at the end
  std::vector<bound_socket> bound_;
  std::vector<std::vector<listening_socket>> sockets_;  // by shard, until that shard has taken them
  std::vector<std::unique_ptr<server_shard>> shards_;
  std::vector<std::uint64_t> served_;
  std::atomic<std::uint64_t> max_connections_;
  std::atomic<std::uint64_t> open_{0};
  std::atomic<std::size_t> accepting_{0};  // shards that have sockets, once it was told to stop accepting
  enum class life : std::uint8_t { serving, leaving, over };
  std::atomic<life> life_{life::serving};
  std::function<void()> when_over_;  // for who sees that it is leaving
  open_counts open_on_;              // the same by shard
};

}  // namespace shoal
