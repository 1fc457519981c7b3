// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/check.hpp>
#include <shoal/core/host/ares_resolver.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/core/poller/choose_poller.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

namespace shoal {
namespace {

std::error_code last_error() { return {errno, std::system_category()}; }

template <class T>
std::error_code set_option(int fd, int level, int name, const T& value) {
  if (::setsockopt(fd, level, name, &value, sizeof(value)) != 0) return last_error();
  return {};
}

result<int> get_option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  if (::getsockopt(fd, SOL_SOCKET, name, &value, &size) != 0) return fail(last_error());
  return value;
}

/// What every descriptor of a poller is: non-blocking and close-on-exec.
std::error_code make_ours(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return last_error();
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return last_error();
  return {};
}

/// What the calling thread has had of a CPU.
duration thread_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

class descriptor {
 public:
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

result<int> stream_socket(int family) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(last_error());
  return fd;
}

std::error_code bind_listener(int fd, socket_name_view name, const listen_options& options) {
  if (name.family() != AF_UNIX) {
    if (const auto error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1); error) return error;
    if (options.reuse_port) {
      if (const auto error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1); error) return error;
    }
  }
  if (name.family() == AF_INET6) {
    if (const auto error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only ? 1 : 0); error) return error;
  }
  if (::bind(fd, name.data, name.size) != 0) return last_error();
  return {};
}

std::error_code set_keepalive(int fd, const keepalive_options& options) {
  if (const auto error = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1); error) return error;
  if (const auto error = set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(options.idle.count())); error) {
    return error;
  }
  if (const auto error = set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(options.interval.count()));
      error) {
    return error;
  }
  return set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, options.count);
}

using name_call = int (*)(int, sockaddr*, socklen_t*);

result<socket_name> socket_name_of(int fd, name_call call) {
  socket_name name;
  name.size = sizeof(name.storage);
  if (call(fd, name.data(), &name.size) != 0) return fail(last_error());
  return name;
}

class real_host final : public host {
 public:
  instant now() noexcept override {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return instant{std::chrono::seconds{time.tv_sec} + duration{time.tv_nsec}};
  }

  std::chrono::system_clock::time_point wall_time() noexcept override { return std::chrono::system_clock::now(); }

  std::uint64_t random_seed() noexcept override {
    std::uint64_t seed = 0;
    // Never blocks after boot and never returns less than asked for up to 256 bytes.
    SHOAL_CHECK(::getrandom(&seed, sizeof(seed), 0) == sizeof(seed), "no randomness from the kernel");
    return seed;
  }

  result<int> open_listener(socket_name_view name, const listen_options& options) override {
    auto opened = stream_socket(name.family());
    if (!opened) return opened;
    descriptor fd{*opened};
    if (const auto error = bind_listener(fd.get(), name, options); error) return fail(error);
    if (name.family() != AF_UNIX) {
      if (const auto error = set_options(fd.get(), options.tcp); error) return fail(error);
    }
    if (options.incoming_cpu) {
      const int cpu = static_cast<int>(*options.incoming_cpu);
      if (const auto error = set_option(fd.get(), SOL_SOCKET, SO_INCOMING_CPU, cpu); error) return fail(error);
    }
    if (::listen(fd.get(), options.backlog) != 0) return fail(last_error());
    return fd.release();
  }

  std::error_code probe_bind(socket_name_view name, bool v6_only) override {
    auto opened = stream_socket(name.family());
    if (!opened) return opened.error();
    const descriptor fd{*opened};
    return bind_listener(fd.get(), name, {.v6_only = v6_only, .tcp = {}});
  }

  result<int> open_stream(int family, const tcp_options& options) override {
    auto opened = stream_socket(family);
    if (!opened || family == AF_UNIX) return opened;
    descriptor fd{*opened};
    if (const auto error = set_options(fd.get(), options); error) return fail(error);
    return fd.release();
  }

  std::error_code bind_source(int fd, socket_name_view name) override {
    // The port is chosen at connect(), by the whole four-tuple, so that many connections can share one.
    if (name.family() != AF_UNIX) {
      if (const auto error = set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1); error) return error;
    }
    if (::bind(fd, name.data, name.size) != 0) return last_error();
    return {};
  }

  std::error_code set_options(int fd, const tcp_options& options) override {
    std::error_code error;
    if (options.nodelay) error = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (!error && options.keepalive) error = set_keepalive(fd, *options.keepalive);
    if (!error && options.linger) {
      error = set_option(fd, SOL_SOCKET, SO_LINGER, ::linger{1, static_cast<int>(options.linger->count())});
    }
    if (!error && options.receive_buffer_bytes) {
      error = set_option(fd, SOL_SOCKET, SO_RCVBUF, *options.receive_buffer_bytes);
    }
    if (!error && options.send_buffer_bytes) error = set_option(fd, SOL_SOCKET, SO_SNDBUF, *options.send_buffer_bytes);
    if (!error && options.user_timeout) {
      error = set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<unsigned>(options.user_timeout->count()));
    }
    if (!error && !options.congestion_control.empty()) {
      const auto& name = options.congestion_control;
      if (::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())) != 0) {
        error = last_error();
      }
    }
    return error;
  }

  result<socket_name> adopt_listener(int fd) override {
    const auto type = get_option(fd, SO_TYPE);
    if (!type) return fail(type.error());
    const auto listens = get_option(fd, SO_ACCEPTCONN);
    if (!listens) return fail(listens.error());
    if (*type != SOCK_STREAM || *listens == 0) return fail(errc::invalid_argument);
    if (const auto error = make_ours(fd); error) return fail(error);
    return local_name(fd);
  }

  result<accepted_socket> accept_waiting(int listening_fd) override {
    while (true) {
      accepted_socket made{};
      made.peer.size = sizeof(made.peer.storage);
      made.fd = ::accept4(listening_fd, made.peer.data(), &made.peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (made.fd >= 0) return made;
      // Gave up while it waited: the next one may be fine.
      if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO) return fail(last_error());
    }
  }

  result<socket_name> adopt_stream(int fd) override {
    const auto type = get_option(fd, SO_TYPE);
    if (!type) return fail(type.error());
    if (*type != SOCK_STREAM) return fail(errc::invalid_argument);
    auto peer = peer_name(fd);
    if (!peer) return peer;
    if (const auto error = make_ours(fd); error) return fail(error);
    return peer;
  }

  result<socket_name> local_name(int fd) override { return socket_name_of(fd, ::getsockname); }
  result<socket_name> peer_name(int fd) override { return socket_name_of(fd, ::getpeername); }

  void shutdown_socket(int fd, shutdown_side side) noexcept override {
    ::shutdown(fd, side == shutdown_side::write ? SHUT_WR : SHUT_RDWR);
  }

  void abort_socket(int fd) noexcept override {
    // Dissolving the association is what makes TCP send its RST now; lingering for zero seconds would wait for close().
    const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
    if (::connect(fd, &nobody, sizeof(nobody)) != 0) ::shutdown(fd, SHUT_RDWR);
  }

  void close_socket(int fd) noexcept override {
    // EINTR included, Linux has released the number: a second close could hit somebody else's.
    ::close(fd);
  }

  bool is_stale_unix_socket(socket_name_view name) noexcept override {
    if (name.family() != AF_UNIX) return false;
    auto opened = stream_socket(AF_UNIX);
    if (!opened) return false;
    const descriptor fd{*opened};
    return ::connect(fd.get(), name.data, name.size) != 0 && errno == ECONNREFUSED;
  }

  void remove_unix_socket(socket_name_view name) noexcept override {
    const auto* unix_name = reinterpret_cast<const sockaddr_un*>(name.data);
    if (name.family() == AF_UNIX && unix_name->sun_path[0] != '\0') ::unlink(unix_name->sun_path);
  }

  void burn(poller&, duration cpu_time) noexcept override {
    if (cpu_time <= duration::zero()) return;
    const duration end = thread_time() + cpu_time;
    while (thread_time() < end) {
    }
  }

  bool threaded() const noexcept override { return true; }

  result<std::unique_ptr<poller>> make_poller(poller_kind kind) override { return choose_poller(*this, kind); }

  std::unique_ptr<resolver> make_resolver(shard& here) override { return make_ares_resolver(here); }
};

}  // namespace

std::shared_ptr<host> make_real_host() { return std::make_shared<real_host>(); }

}  // namespace shoal
