// SPDX-License-Identifier: Apache-2.0
// The seam (D5): the machine a runtime runs on, as far as time, randomness and sockets go.
//
// `real_host` is this machine; a simulated host fills the same face from a seed. Nothing outside core/host and
// core/poller reads a clock, draws a random number or makes a system call on a socket.
//
// Thread rule: every method may be called from any thread, none blocks.
// Invariants: descriptors handed out are non-blocking and close-on-exec; each is closed exactly once, by
// close_socket().
#pragma once

#include <shoal/buffers/callback.hpp>
#include <shoal/buffers/errc.hpp>
#include <shoal/core/host/socket_name.hpp>
#include <shoal/core/instant.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace shoal {

class poller;
class resolver;
class shard;

/// Which back end a shard polls with. `automatic` follows the rule of D12.
enum class poller_kind : std::uint8_t { automatic, epoll, io_uring, simulated };

/// Keep-alive probes: first after `idle`, then every `interval`, dead after `count` unanswered ones. Whole seconds.
struct keepalive_options {
  std::chrono::seconds idle{60};
  std::chrono::seconds interval{10};
  int count = 6;
};

/// Options of a TCP stream; set on a listener they are inherited by what it accepts, at no system call each.
struct tcp_options {
  bool nodelay = true;
  std::optional<keepalive_options> keepalive;
  std::optional<std::chrono::seconds> linger;             ///< SO_LINGER; unset leaves the kernel's way
  std::optional<int> receive_buffer_bytes;                ///< SO_RCVBUF; unset leaves autotuning on
  std::optional<int> send_buffer_bytes;                   ///< SO_SNDBUF
  std::optional<std::chrono::milliseconds> user_timeout;  ///< TCP_USER_TIMEOUT
  std::string congestion_control;                         ///< TCP_CONGESTION; empty = the system's
};

struct listen_options {
  int backlog = 4096;       ///< capped by net.core.somaxconn
  bool reuse_port = false;  ///< one socket per shard on one address
  bool v6_only = true;      ///< [::] does not swallow 0.0.0.0
  /// With reuse_port: prefer this socket for what this CPU receives. Linux before 6.2 hashes all the same.
  std::optional<unsigned> incoming_cpu = std::nullopt;
  tcp_options tcp;
};

enum class shutdown_side : std::uint8_t { write, both };

/// Who was accepted, and from where.
struct accepted_socket {
  int fd;
  socket_name peer;
};

/// A shard's loop, for a host that runs no threads to step.
class stepped_loop {
 public:
  /// One turn. False when the loop has ended; it is not stepped again then.
  virtual bool step() = 0;

 protected:
  ~stepped_loop() = default;
};

class host {
 public:
  host() = default;
  host(const host&) = delete;
  host& operator=(const host&) = delete;
  virtual ~host() = default;

  /// The monotonic clock, and the wall clock for log lines.
  [[nodiscard]] virtual instant now() noexcept = 0;
  [[nodiscard]] virtual std::chrono::system_clock::time_point wall_time() noexcept = 0;
  /// A seed for a shard's own generator. The only source of randomness.
  [[nodiscard]] virtual std::uint64_t random_seed() noexcept = 0;

  /// Opens, binds and listens. Errors are the kernel's (address in use, permission denied, ...).
  [[nodiscard]] virtual result<int> open_listener(socket_name_view name, const listen_options& options) = 0;
  /// Binds the address once without SO_REUSEPORT and releases it: tells whether somebody else serves it already,
  /// which a reuseport bind of the same user would not (it silently takes a share of the connections).
  [[nodiscard]] virtual std::error_code probe_bind(socket_name_view name, bool v6_only) = 0;
  /// A stream socket of this family that is not connected yet; `poller::connect` connects it.
  [[nodiscard]] virtual result<int> open_stream(int family, const tcp_options& options) = 0;
  /// Binds a stream socket to a source address before it connects.
  [[nodiscard]] virtual std::error_code bind_source(int fd, socket_name_view name) = 0;
  [[nodiscard]] virtual std::error_code set_options(int fd, const tcp_options& options) = 0;
  /// Makes a listening stream socket from elsewhere fit for a poller; the name it is bound to. ENOTSOCK, EBADF, or
  /// errc::invalid_argument when it is no stream that listens.
  [[nodiscard]] virtual result<socket_name> adopt_listener(int fd) = 0;
  /// Somebody who waits at a listening socket, at once; EAGAIN: nobody. For the last look before it is closed: shards
  /// accept through their pollers.
  [[nodiscard]] virtual result<accepted_socket> accept_waiting(int listening_fd) = 0;
  /// Makes a connected stream socket from elsewhere fit for a poller; the name of its peer. ENOTSOCK, ENOTCONN, or
  /// errc::invalid_argument when it is no stream.
  [[nodiscard]] virtual result<socket_name> adopt_stream(int fd) = 0;
  [[nodiscard]] virtual result<socket_name> local_name(int fd) = 0;
  [[nodiscard]] virtual result<socket_name> peer_name(int fd) = 0;
  /// Sends FIN (write), or ends both directions at once. An error means the peer was faster; nothing is to be done.
  virtual void shutdown_socket(int fd, shutdown_side side) noexcept = 0;
  /// Ends the connection at once: RST to the peer, what is queued is dropped. The descriptor stays open.
  virtual void abort_socket(int fd) noexcept = 0;
  virtual void close_socket(int fd) noexcept = 0;
  /// Whether a unix socket's file is there and nobody listens behind it: what a killed process leaves. Never blocks.
  [[nodiscard]] virtual bool is_stale_unix_socket(socket_name_view name) noexcept = 0;
  /// Removes the file of a unix listener that is closed.
  virtual void remove_unix_socket(socket_name_view name) noexcept = 0;

  /// Whether shards run on threads of their own; a simulated host steps them on the caller's thread.
  [[nodiscard]] virtual bool threaded() const noexcept = 0;
  /// A poller for one shard, made on that shard's thread. `automatic` picks by D12; the poller says its name and why.
  [[nodiscard]] virtual result<std::unique_ptr<poller>> make_poller(poller_kind kind) = 0;
  /// What answers names on this shard, made when the first one is asked for. The shard outlives it.
  [[nodiscard]] virtual std::unique_ptr<resolver> make_resolver(shard& here);
  /// Keeps the calling thread's CPU busy for so long. Hosts without threads: the shard that polls with `io` has its
  /// next turn so much later.
  virtual void burn(poller& io, duration cpu_time) noexcept = 0;
  /// Hosts without threads: steps the loop of the shard that polls with `io`, from now until it ends.
  virtual void adopt(stepped_loop& loop, poller& io);
  /// Hosts without threads: steps all loops until the condition holds.
  virtual void step_until(const callback<bool()>& condition);
};

/// This machine. Stateless; one serves every runtime of the process.
[[nodiscard]] std::shared_ptr<host> make_real_host();

}  // namespace shoal
