// SPDX-License-Identifier: Apache-2.0
// relay: two connections linked, each one's input moved to the other's output. Blocks change hands; no byte is copied,
// and an idle pair has no coroutine frame.
//
//   client.input --take_all/append--> upstream.output        upstream.input --take_all/append--> client.output
//   output above its high mark pauses the other's receiving; below the low mark it goes on
//   EOF on one side becomes close_write() on the other; both EOF and all sent: both close
//   a reset or error on one side resets the other
//
// Thread rule: owner shard only; both connections live on it and move together.
// Invariants: made by link(), freed by itself when both connections are gone; `ended` runs exactly once, then.
#pragma once

#include <shoal/net/connection.hpp>

#include <array>
#include <functional>
#include <memory>

namespace shoal {

/// How a relayed pair ended, for the access log.
struct relay_summary {
  std::uint64_t from_first = 0;  ///< bytes received from the first connection
  std::uint64_t from_second = 0;
  std::error_code first_reason;  ///< why each connection ended; errc::eof is the regular way
  std::error_code second_reason;
  bool first_ended_first = false;  ///< whose end came first
};

class relay {
 public:
  /// Links two open connections of one shard for the rest of their lives. What they have buffered flows on.
  /// `ended` runs when both are gone, in the "deliver" step.
  static void link(connection& first, connection& second, std::function<void(const relay_summary&)> ended);

  /// By link() only.
  relay(connection& first, connection& second, std::function<void(const relay_summary&)> ended);
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;
  ~relay() = default;

 private:
  friend class connection;

  struct side {
    connection* peer = nullptr;  // nullptr once gone
    bool fin_passed = false;
  };

  // By the connections.
  void deliver(connection& from);
  void output_left(connection& to, std::size_t left);
  void forget(connection& gone);
  [[nodiscard]] instant last_activity() const noexcept;

  [[nodiscard]] bool is_first(const connection& c) const noexcept { return sides_[0].peer == &c; }
  [[nodiscard]] connection* other_of(const connection& c) const noexcept { return sides_[is_first(c) ? 1 : 0].peer; }
  void note_end(const connection& c) noexcept;
  void move_bytes(connection& from, connection& to);
  void close_when_done();

  std::array<side, 2> sides_;
  bool end_noted_ = false;
  relay_summary summary_;
  std::function<void(const relay_summary&)> ended_;
};

}  // namespace shoal
