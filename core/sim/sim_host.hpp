// SPDX-License-Identifier: Apache-2.0
// One simulated machine: the host that a runtime runs on, with descriptors, ports and a wall clock of its own.
//
// Thread rule: the world's thread.
// Invariants:
//  1. now() is the world's clock; only the wall clock can be set.
//  2. Using a descriptor that is not open is a failed check in every build, and so is closing one that a poller
//     watches.
#pragma once

#include <shoal/core/host/host.hpp>
#include <shoal/core/sim/conductor.hpp>
#include <shoal/core/sim/descriptors.hpp>
#include <shoal/core/sim/network.hpp>
#include <shoal/core/sim/scripted_resolver.hpp>

#include <memory>
#include <string_view>
#include <vector>

namespace shoal::sim {

class sim_host final : public host {
 public:
  /// Made by world::add_host().
  sim_host(environment& in, network& net, conductor& runs, std::uint32_t number);

  // ---- for tests ----

  /// One more address, such as "fd00::1". 127.0.0.0/8 and ::1 are always this host.
  void add_address(std::string_view address);
  /// EMFILE above so many open descriptors.
  void set_descriptor_limit(std::size_t limit) noexcept { fds_.set_limit(limit); }
  [[nodiscard]] std::size_t open_descriptors() const noexcept { return fds_.open(); }
  /// What names mean here.
  [[nodiscard]] name_script& names() noexcept { return names_; }
  /// Somebody sets the system's clock. Nothing that is due moves.
  void jump_wall_time(duration by);

  // ---- host ----

  [[nodiscard]] instant now() noexcept override { return world_.time.now(); }
  [[nodiscard]] std::chrono::system_clock::time_point wall_time() noexcept override;
  [[nodiscard]] std::uint64_t random_seed() noexcept override;
  [[nodiscard]] result<int> open_listener(socket_name_view name, const listen_options& options) override;
  [[nodiscard]] std::error_code probe_bind(socket_name_view name, bool v6_only) override;
  [[nodiscard]] result<int> open_stream(int family, const tcp_options& options) override;
  [[nodiscard]] std::error_code bind_source(int fd, socket_name_view name) override;
  [[nodiscard]] std::error_code set_options(int fd, const tcp_options& options) override;
  [[nodiscard]] result<socket_name> adopt_listener(int fd) override;
  [[nodiscard]] result<socket_name> adopt_stream(int fd) override;
  [[nodiscard]] result<socket_name> local_name(int fd) override;
  [[nodiscard]] result<socket_name> peer_name(int fd) override;
  void shutdown_socket(int fd, shutdown_side side) noexcept override;
  void abort_socket(int fd) noexcept override;
  void close_socket(int fd) noexcept override;
  [[nodiscard]] bool is_stale_unix_socket(socket_name_view name) noexcept override;
  void remove_unix_socket(socket_name_view name) noexcept override;
  [[nodiscard]] bool threaded() const noexcept override { return false; }
  [[nodiscard]] result<accepted_socket> accept_waiting(int listening_fd) override;
  [[nodiscard]] result<std::unique_ptr<poller>> make_poller(poller_kind kind) override;
  [[nodiscard]] std::unique_ptr<resolver> make_resolver(shard& here) override;
  void burn(poller& io, duration cpu_time) noexcept override;
  void adopt(stepped_loop& loop, poller& io) override;
  void step_until(const callback<bool()>& condition) override;

  // ---- for its pollers ----

  [[nodiscard]] environment& world() noexcept { return world_; }
  [[nodiscard]] conductor& runs() noexcept { return runs_; }
  [[nodiscard]] std::uint32_t number() const noexcept { return station_.number; }
  [[nodiscard]] const std::shared_ptr<socket>& at(int fd) const { return fds_.at(fd); }
  /// An error is what connect() gives at once; else the outcome will be in the socket.
  [[nodiscard]] std::error_code connect(int fd, socket_name_view to);

 private:
  [[nodiscard]] bool is_mine(const place& where) const;
  [[nodiscard]] result<int> open(std::shared_ptr<socket> made);
  [[nodiscard]] place source_for(const place& to) const;

  environment& world_;
  network& network_;
  conductor& runs_;
  station station_;
  std::vector<place> addresses_;
  descriptors fds_;
  name_script names_;
  duration wall_offset_{0};
};

}  // namespace shoal::sim
