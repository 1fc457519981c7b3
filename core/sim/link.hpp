// SPDX-License-Identifier: Apache-2.0
// One simulated connection: two directions, each a window of bytes that are under way or wait to be read.
//
//   send() --split--> segments --latency, jitter--> inbox --receive()--> gone; the window opens a latency later
//
// Thread rule: the world's thread.
// Invariants:
//  1. Bytes, then the end, arrive in the order they were sent; a reset comes after what was sent before it, unless the
//     network itself broke the connection.
//  2. A direction never holds more than its buffer; what is in the inbox stays readable after a reset.
//  3. After a reset neither side sends anything any more.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/sim/environment.hpp>

#include <sys/uio.h>

#include <array>
#include <deque>
#include <memory>
#include <span>
#include <string>

namespace shoal::sim {

/// Hears that a socket may be readable, writable, connected or dead by now.
class socket_watcher {
 public:
  virtual void socket_changed(int fd) = 0;

 protected:
  ~socket_watcher() = default;
};

/// dialler: who connected. acceptor: the other one.
enum class side : std::uint8_t { dialler, acceptor };

struct link_options {
  bool local = false;             ///< a unix socket: no network in between
  std::size_t dialler_limit = 0;  ///< bytes a side's own buffers were set to; 0 = what the profile says
  std::size_t acceptor_limit = 0;
};

class link : public std::enable_shared_from_this<link> {
 public:
  link(environment& in, const link_options& options);
  link(const link&) = delete;
  link& operator=(const link&) = delete;

  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] duration latency() const noexcept { return latency_; }
  /// Where the trace says it happens.
  void set_host(side at, std::uint32_t host) noexcept { end(at).host = host; }
  /// Tells `watcher` of changes at this end; nullptr ends it.
  void watch(side at, socket_watcher* watcher, int fd) noexcept;
  /// Nothing that is sent to this end arrives before.
  void open_at(side at, instant when) noexcept { end(at).last_arrival = when; }

  /// How many bytes left. Errors: EAGAIN, EPIPE, ECONNRESET.
  [[nodiscard]] result<std::size_t> send(side from, std::span<const iovec> pieces);
  /// 0 is the end. Errors: EAGAIN, ECONNRESET.
  [[nodiscard]] result<std::size_t> receive(side at, std::span<std::byte> space);
  /// No more will be sent.
  void finish(side from);
  /// finish(), and what still arrives is refused.
  void shut(side at);
  /// RST to the other end; this one is dead at once.
  void abort(side from);
  /// The descriptor is gone. Unread bytes make it an abort().
  void close(side at);

  [[nodiscard]] bool readable(side at) const noexcept;
  /// True too when sending would be an error.
  [[nodiscard]] bool writable(side at) const noexcept;
  [[nodiscard]] std::error_code error(side at) const noexcept { return ends_[index(at)].error; }

 private:
  struct half {  // one end: what it may send, and what has arrived there
    std::uint32_t host = 0;
    socket_watcher* watcher = nullptr;
    int fd = -1;
    std::size_t window = 0;  // bytes it may still send
    std::size_t buffer = 0;  // and at most
    bool finished = false;   // it sends no more
    bool full = false;       // it takes nothing for a while
    bool ended = false;      // the other's end has arrived
    bool shut = false;       // it reads no more
    bool closed = false;
    std::error_code error;
    instant last_arrival;  // of what is on its way here
    std::deque<std::string> inbox;
    std::size_t front_read = 0;  // of the first segment
  };

  [[nodiscard]] static std::size_t index(side at) noexcept { return static_cast<std::size_t>(at); }
  [[nodiscard]] static side other(side at) noexcept { return at == side::dialler ? side::acceptor : side::dialler; }
  [[nodiscard]] half& end(side at) noexcept { return ends_[index(at)]; }
  [[nodiscard]] std::uint64_t name(side at) const noexcept { return number_ * 2 + index(at); }

  [[nodiscard]] bool is_full(side from);
  void split(side from, std::string bytes);
  void travel(side to, std::string bytes);
  void arrive(side to, std::string bytes, std::uint64_t order);
  void end_arrives(side to);
  void send_reset(side to);
  void reset_arrives(side to);
  void break_down();
  void open_window(side of, std::size_t bytes);
  void changed(side at);
  [[nodiscard]] instant arrival_at(side to, duration extra);
  /// Runs `what` then, unless the network has broken the connection meanwhile.
  template <class What>
  void later(instant when, What what);

  environment& world_;
  const bool local_;
  const std::uint64_t number_;
  duration latency_;
  bool broken_ = false;  // by the network: only resets arrive
  std::array<half, 2> ends_;
};

}  // namespace shoal::sim
