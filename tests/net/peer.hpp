// SPDX-License-Identifier: Apache-2.0
// The other end of a connection: a plain socket in the test, with a deadline on everything, so that a fault shows as a
// failed check and never as a test that hangs.
//
// Thread rule: one thread at a time per object.
#pragma once

#include <shoal/net/address.hpp>
#include <tests/net/pattern.hpp>
#include <tests/net/xor_filter.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace shoal::test {

/// Far more than any machine needs, little enough to wait for once.
inline constexpr std::chrono::seconds patience{30};

/// What lies between socket and buffers: nothing, or the xor filter.
enum class wire { plain, filtered };

class peer {
 public:
  /// Connects; what goes wrong shows in error(). `receive_buffer`: SO_RCVBUF, 0 = the system's.
  peer(const address& target, wire on, int receive_buffer = 0);
  /// Takes over a connected socket.
  peer(int fd, wire on) noexcept : fd_(fd), masked_(on == wire::filtered) {}
  peer(peer&& other) noexcept;
  peer& operator=(peer&& other) noexcept;
  ~peer() { close(); }

  [[nodiscard]] int error() const noexcept { return error_; }
  [[nodiscard]] int fd() const noexcept { return fd_; }

  /// False when the other end is gone or takes nothing.
  bool send(std::string_view text);
  /// Exactly n bytes, or fewer when the stream ends before (or nothing comes).
  [[nodiscard]] std::string receive(std::size_t n);
  /// Everything up to the end of the stream, which ended() then tells.
  [[nodiscard]] std::string receive_all();
  /// How the stream ended: 0 = orderly (EOF), ECONNRESET, ETIMEDOUT = it did not, within our patience.
  [[nodiscard]] int ending() const noexcept { return error_; }

  /// Waits for the end without expecting bytes: 0, or the error.
  [[nodiscard]] int wait_for_end();

  void finish_writing();
  void reset();
  void close();

 private:
  [[nodiscard]] bool wait(short events) const;

  int fd_ = -1;
  int error_ = 0;
  bool ended_ = false;
  bool masked_ = false;
  xor_mask out_;
  xor_mask in_;
};

/// A listening socket of the test, for what shoal dials.
class listening_peer {
 public:
  explicit listening_peer(const std::string& where = "127.0.0.1:0", int backlog = 16);
  listening_peer(const listening_peer&) = delete;
  listening_peer& operator=(const listening_peer&) = delete;
  ~listening_peer();

  [[nodiscard]] const address& where() const noexcept { return where_; }
  [[nodiscard]] peer accept(wire on = wire::plain);
  void close();

 private:
  int fd_ = -1;
  address where_;
};

}  // namespace shoal::test
