// SPDX-License-Identifier: Apache-2.0
// What the conformance suite of the pollers stands on: which back ends there are, an operator that writes down every
// report, and a rig that connects two of them.
//
//   endpoint <-- fd --> [poller under test] <-- fd --> endpoint        both ends on one poller, on one thread
//
// The poller_*_test.cpp are the suite. They use sockets through host and poller only. A back end is added by a struct
// with the members of `epoll_backend` and its name in `backends`; nothing else knows which there are.
//
// Thread rule: one thread.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/core/poller/poller.hpp>
#include <tests/core/sim_backend.hpp>
#include <tests/skip.hpp>

#include <boost/test/unit_test.hpp>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

/// A test of every back end; one that this machine does not have is skipped with the reason.
#define SHOAL_POLLER_TEST(name)                                                                \
  template <class Backend>                                                                     \
  static void name##_on();                                                                     \
  BOOST_AUTO_TEST_CASE_TEMPLATE(name, Backend, ::shoal::test::backends) {                      \
    if (const auto why = ::shoal::test::unavailable<Backend>(); !why.empty()) SHOAL_SKIP(why); \
    name##_on<Backend>();                                                                      \
  }                                                                                            \
  template <class Backend>                                                                     \
  static void name##_on()

namespace shoal::test {

/// While one lives, this process can't open a descriptor more.
class no_descriptors_left {
 public:
  explicit no_descriptors_left(host&) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(STDIN_FILENO);  // the lowest free number
    ::close(next);
    const rlimit none{static_cast<rlim_t>(next), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  no_descriptors_left(const no_descriptors_left&) = delete;
  no_descriptors_left& operator=(const no_descriptors_left&) = delete;
  ~no_descriptors_left() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// Sockets of this machine, epoll.
struct epoll_backend {
  static std::shared_ptr<host> machine() { return make_real_host(); }
  static std::unique_ptr<poller> make(host& machine) { return std::move(*machine.make_poller(poller_kind::epoll)); }
  /// Whether another thread may call wake().
  static constexpr bool threaded = true;
  /// Whether its descriptors are the kernel's.
  static constexpr bool kernel_sockets = true;
  /// While one lives, the machine it was made with opens no descriptor more.
  using out_of_descriptors = no_descriptors_left;
  /// Sets the machine's wall clock; false where a test may not.
  static bool jump_wall_clock(host&, duration) { return false; }
};

/// The same by io_uring; bytes come into the space that an endpoint lends.
struct uring_backend : epoll_backend {
  static std::unique_ptr<poller> make(host& machine) { return std::move(*machine.make_poller(poller_kind::io_uring)); }
  /// Empty where it can be used here.
  static std::string unavailable() {
    const auto made = make_real_host()->make_poller(poller_kind::io_uring);
    return made ? "" : made.error().message();
  }
};

/// The same for endpoints that take blocks of the slab, whose size nobody can choose.
struct uring_block_backend : uring_backend {
  static constexpr bool lends_blocks = true;
};

/// Whether a back end fills the space that an endpoint lends, as much of it as there is.
template <class Backend>
inline constexpr bool fills_windows = !requires { Backend::lends_blocks; };

/// Why a back end can't be tested on this machine; empty when it can.
template <class Backend>
std::string unavailable() {
  if constexpr (requires { Backend::unavailable(); }) return Backend::unavailable();
  return {};
}

/// Every back end that must pass the suite.
using backends = std::tuple<epoll_backend, uring_backend, uring_block_backend, sim_backend, rough_sim_backend>;

/// Agrees to every sleep, unless told that there is work.
class calm_sleeper final : public poll_sleeper {
 public:
  instant before_block(instant deadline) override {
    ++asked;
    return has_work ? instant::min() : deadline;
  }
  void after_block() override {}
  bool has_work = false;
  int asked = 0;
};

class endpoint final : public fd_operator {
 public:
  explicit endpoint(int fd) : fd_operator(fd) {}

  // ---- what it lends ----
  std::size_t window = 4096;  ///< space per receive; 0 lends nothing
  std::string output;         ///< all it has to send
  std::size_t piece = 1000;   ///< sent in pieces of so many bytes
  bool wants_blocks = false;  ///< set by the rig

  // ---- what was reported ----
  std::string received;
  int receives = 0;  ///< input_ack() with bytes, or a block
  int blocks = 0;    ///< of them, blocks
  std::size_t sent = 0;
  int sends = 0;  ///< output_ack()
  std::vector<std::error_code> hang_ups;
  std::vector<std::error_code> outcomes;  ///< of connect
  std::vector<int> accepted_fds;
  std::vector<socket_name> peers;
  std::vector<std::error_code> accept_errors;
  int times_retired = 0;
  bool retiring = false;  ///< set by rig::retire
  int late_reports = 0;   ///< that are forbidden after retire()

  // ---- what it does about it, inside the report ----
  std::function<void()> on_input;
  std::function<void()> on_output;
  std::function<void()> on_hang_up;
  std::function<void()> on_accepted;
  std::function<void()> on_connected;
  std::function<void()> on_retired;

  std::span<std::byte> inputs() override {
    space_.resize(window);
    lent_ = true;
    return space_;
  }
  void input_ack(std::size_t filled) override {
    BOOST_REQUIRE(lent_);
    BOOST_REQUIRE(filled <= space_.size());
    lent_ = false;
    note_report(filled != 0);  // bytes that the kernel handed over before it heard of the retirement may still come
    if (filled == 0) return;
    ++receives;
    received.append(reinterpret_cast<const char*>(space_.data()), filled);
    call(on_input);
  }
  [[nodiscard]] bool takes_blocks() const noexcept override { return wants_blocks; }
  void input_block(block_ref&& filled_block, std::size_t filled) override {
    BOOST_REQUIRE(filled != 0U);
    BOOST_REQUIRE(filled <= filled_block.capacity());
    note_report(true);
    ++receives;
    ++blocks;
    received.append(reinterpret_cast<const char*>(filled_block.data()), filled);
    call(on_input);
  }
  std::size_t outputs(std::span<iovec> pieces) override {
    std::size_t used = 0;
    for (std::size_t at = sent; at < output.size() && used < pieces.size(); ++used) {
      const std::size_t bytes = std::min(piece, output.size() - at);
      pieces[used] = {output.data() + at, bytes};
      at += bytes;
    }
    return used;
  }
  void output_ack(std::size_t bytes) override {
    note_report(true);  // as for input
    ++sends;
    sent += bytes;
    BOOST_REQUIRE(sent <= output.size());
    call(on_output);
  }
  void hung_up(std::error_code reason) override {
    note_report(false);
    hang_ups.push_back(reason);
    call(on_hang_up);
  }
  void accepted(int accepted_fd, socket_name_view peer) override {
    note_report(false);
    accepted_fds.push_back(accepted_fd);
    peers.emplace_back(peer);
    call(on_accepted);
  }
  void accept_failed(std::error_code reason) override {
    note_report(false);
    accept_errors.push_back(reason);
  }
  void connected(std::error_code outcome) override {
    note_report(false);
    outcomes.push_back(outcome);
    call(on_connected);
  }
  void retired() override {
    ++times_retired;
    call(on_retired);
  }
  void deliver() override {}

  /// The descriptor is somebody else's now.
  int give_away() {
    const int given = fd();
    set_fd(-1);
    return given;
  }

 private:
  void note_report(bool allowed_late) {
    if (times_retired != 0 || (retiring && !allowed_late)) ++late_reports;
  }
  static void call(const std::function<void()>& what) {
    if (what) what();
  }
  std::vector<std::byte> space_;
  bool lent_ = false;
};

inline socket_name loopback(int family) {
  socket_name name;
  if (family == AF_INET) {
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&name.storage);
    *v4 = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    name.size = sizeof(*v4);
  } else if (family == AF_INET6) {
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&name.storage);
    *v6 = {};
    v6->sin6_family = AF_INET6;
    v6->sin6_addr = in6addr_loopback;
    name.size = sizeof(*v6);
  } else {
    name.storage.ss_family = AF_UNIX;  // no path: the kernel picks a name
    name.size = sizeof(sa_family_t);
  }
  return name;
}

template <class Backend>
class rig {
 public:
  std::shared_ptr<host> machine = Backend::machine();
  slab_ptr memory = slab::make();
  std::unique_ptr<poller> io = Backend::make(*machine);
  calm_sleeper sleeper;

  rig() { io->use_memory(*memory); }
  rig(const rig&) = delete;
  rig& operator=(const rig&) = delete;
  /// Retires and closes what is left, and checks what holds for every test.
  ~rig() {
    for (auto& op : all_) {
      if (!op->retiring) retire(*op);
    }
    BOOST_TEST(until([&] { return std::ranges::all_of(all_, [](const auto& op) { return op->times_retired == 1; }); }));
    for (auto& op : all_) {
      BOOST_TEST(op->late_reports == 0);
      close(*op);
    }
    BOOST_TEST(until([&] { return io->attached() == 0; }));  // watches may still be known to the kernel
  }

  /// One poll that does not sleep.
  void step() { io->poll(instant::min(), sleeper); }
  void steps(int count) {
    while (count-- > 0) step();
  }
  /// One poll that sleeps at most so long.
  void sleep(duration at_most) { io->poll(machine->now() + at_most, sleeper); }
  /// Polls until it is true; false after far too long.
  template <std::predicate Condition>
  [[nodiscard]] bool until(Condition condition) {
    for (const instant end = machine->now() + std::chrono::seconds{20}; !condition();) {
      if (machine->now() >= end) return false;
      sleep(std::chrono::milliseconds{10});
    }
    return true;
  }

  endpoint& make(int fd) {
    endpoint& op = *all_.emplace_back(std::make_unique<endpoint>(fd));
    op.wants_blocks = !fills_windows<Backend>;
    return op;
  }
  endpoint& attached(int fd) {
    endpoint& op = make(fd);
    BOOST_REQUIRE(!io->attach(op));
    return op;
  }
  void retire(endpoint& op) {
    op.retiring = true;
    io->retire(op);
  }
  /// Of one that has been retired.
  void close(endpoint& op) {
    if (op.fd() >= 0) machine->close_socket(op.give_away());
  }

  /// A listener that accepts, on a free port or name.
  endpoint& listen(int family, const listen_options& options = {}) {
    const socket_name name = loopback(family);
    const auto fd = machine->open_listener(name.view(), options);
    BOOST_REQUIRE(fd.has_value());
    endpoint& op = attached(*fd);
    io->accept(op, true);
    return op;
  }
  /// Starts to connect.
  endpoint& dial(socket_name_view to, const tcp_options& options = {}) {
    const auto fd = machine->open_stream(to.family(), options);
    BOOST_REQUIRE(fd.has_value());
    endpoint& op = make(*fd);
    io->connect(op, to);
    return op;
  }
  socket_name name_of(const endpoint& op) { return *machine->local_name(op.fd()); }

  struct pair {
    endpoint& left;
    endpoint& right;
  };
  /// Two connected ends; neither receives yet.
  pair connect(int family = AF_INET, const tcp_options& options = {}) {
    endpoint& listener = listen(family, {.tcp = options});
    endpoint& left = dial(name_of(listener).view(), options);
    BOOST_REQUIRE(until([&] { return left.outcomes.size() == 1 && listener.accepted_fds.size() == 1; }));
    BOOST_REQUIRE(!left.outcomes.front());
    endpoint& right = attached(listener.accepted_fds.front());
    retire(listener);
    BOOST_REQUIRE(until([&] { return listener.times_retired == 1; }));
    close(listener);
    return {left, right};
  }
  void send(endpoint& op, std::string_view bytes) {
    op.output += bytes;
    io->send(op);
  }
  /// Until all that `from` has to send has arrived at `to`.
  [[nodiscard]] bool arrives(const endpoint& from, const endpoint& to) {
    return until([&] { return to.received.size() >= from.output.size(); });
  }

 private:
  std::vector<std::unique_ptr<endpoint>> all_;
};

/// Bytes that tell a shift or a swap.
inline std::string pattern(std::size_t bytes, std::uint32_t seed = 1) {
  std::string text(bytes, '\0');
  for (char& c : text) {
    seed = seed * 1'664'525U + 1'013'904'223U;
    c = static_cast<char>(seed >> 24U);
  }
  return text;
}

}  // namespace shoal::test
