// SPDX-License-Identifier: Apache-2.0
// relay: two connections linked, each one's input moved to the other's output. Blocks change hands; no byte is copied,
// and an idle pair has no coroutine frame.
//
//   client.input --take_all/append--> upstream.output        upstream.input --take_all/append--> client.output
//   output above its high mark pauses the other's receiving; below the low mark it goes on
//   EOF on one side becomes close_write() on the other; both EOF and all sent: both close
//   a reset or error on one side resets the other
//   move_to() on either moves both, in one parcel; so does one that was asked for before they were linked
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
  bool first_ended_first = false;            ///< whose end came first; an EOF counts only if nobody broke it afterwards
  instant second_spoke_at = instant::min();  ///< when its first bytes were passed on; never: instant::min()
};

/// Hears how a pair fares; the pair owns it.
class relay_watcher {
 public:
  relay_watcher() = default;
  relay_watcher(const relay_watcher&) = delete;
  relay_watcher& operator=(const relay_watcher&) = delete;
  virtual ~relay_watcher() = default;

  /// Both are gone; in the "deliver" step.
  virtual void on_ended(const relay_summary& summary) = 0;
  /// The second's first bytes are being passed on; in the "deliver" step.
  virtual void on_second_spoke() {}

  /// Moves to another shard (connection_move.hpp): a pair whose watcher cannot keeps its place.
  [[nodiscard]] virtual bool can_move() const noexcept { return false; }
  /// On the old shard, where both are quiet now: gives up what belongs to it.
  virtual void on_leave() noexcept {}
  /// On the new shard, or back on the old one when the new one had no room. Nothing has happened meanwhile.
  virtual void on_arrive(shard& here) { static_cast<void>(here); }
  /// What an end without an observer of its own has in common with others, on that shard.
  [[nodiscard]] virtual profile_ptr profile_on(shard& there) {
    static_cast<void>(there);
    return {};
  }
};

class relay {
 public:
  /// Links two open connections of one shard for the rest of their lives. What they have buffered flows on.
  static void link(connection& first, connection& second, std::unique_ptr<relay_watcher> watcher);
  /// For a pair that stays on its shard; `ended` as relay_watcher::on_ended().
  static void link(connection& first, connection& second, std::function<void(const relay_summary&)> ended);

  /// By link() only.
  relay(connection& first, connection& second, std::unique_ptr<relay_watcher> watcher);
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;
  ~relay() = default;

 private:
  friend class connection;
  friend class connection_mover;

  struct side {
    connection* peer = nullptr;  // nullptr once gone
    bool fin_passed = false;
    bool held = false;  // about to move: its home holds its visits
  };

  // By the connections.
  void deliver(connection& from);
  void output_left(connection& to, std::size_t left);
  void forget(connection& gone);
  [[nodiscard]] instant last_activity() const noexcept;

  // Moves, by the connections and their mover (relay_move.cpp).
  [[nodiscard]] move_obstacle pinned_by() const noexcept;
  void want_move(shard_id to);
  void begin_move();
  void granted(connection& c);
  [[nodiscard]] bool leave();
  void abandon_move();
  void stays(const connection& c) noexcept { sides_[is_first(c) ? 0 : 1].held = false; }
  void let_go();
  void arrive(shard& here, connection& first, connection& second);

  [[nodiscard]] bool is_first(const connection& c) const noexcept { return sides_[0].peer == &c; }
  [[nodiscard]] connection* other_of(const connection& c) const noexcept { return sides_[is_first(c) ? 1 : 0].peer; }
  void note_end(const connection& c) noexcept;
  void note_break(const connection& c) noexcept;
  void move_bytes(connection& from, connection& to);
  void close_when_done();

  std::array<side, 2> sides_;
  bool end_noted_ = false;
  bool broken_ = false;
  relay_summary summary_;
  std::unique_ptr<relay_watcher> watcher_;
};

}  // namespace shoal
