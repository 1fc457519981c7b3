// SPDX-License-Identifier: Apache-2.0
// connection_table: the connections that live on this shard, and where those are that call it home and have moved.
//
//   home slot: here | lives on shard N | on its way (visits wait)        guest slot: a connection of another home
//
// Thread rule: owner shard only (shard::local<connection_table>()).
// Invariants: a stale id never finds another connection: a slot's generation grows with each use. Connections live in
// the shard's slab; the table owns them. A home slot is kept until its connection is gone, wherever that happens.
#pragma once

#include <shoal/net/connection.hpp>
#include <shoal/net/visit.hpp>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace shoal {

struct connection_counters {
  std::uint64_t made = 0;
  std::uint64_t handler_failures = 0;  ///< exceptions that left a handler
  std::uint64_t handlers_overdue = 0;  ///< handlers that outlived their connection by timeouts.handler_grace
  std::uint64_t moved_in = 0;
  std::uint64_t moved_out = 0;
  std::uint64_t moves_refused = 0;  ///< came back: the other shard had no memory, or stopped
};

class connection_table {
 public:
  explicit connection_table(shard& here) noexcept : shard_(here) {}
  connection_table(const connection_table&) = delete;
  connection_table& operator=(const connection_table&) = delete;
  ~connection_table();

  /// Makes a connection that owns `fd` from here on, on failure too (then the fd is closed).
  /// Errors: errc::no_memory when the slab is at its limit or all slots are taken.
  [[nodiscard]] result<connection*> create(int fd, profile_ptr profile, connection_observer* observer,
                                           const address& remote);

  /// The connection of this name, whatever its home, or nullptr when it does not live here.
  [[nodiscard]] connection* find(connection_id id) const noexcept;
  /// The same, and it is not about to leave.
  [[nodiscard]] connection* find_settled(connection_id id) const noexcept;
  /// On the connection's home: brings a visit to where the connection lives.
  void bring(connection_id to, visit& v);

  /// Connections that live here, and those that call this shard home.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const connection_counters& counters() const noexcept { return counters_; }

  /// The shard stops: resets what is left. Those in the middle of close(drain) get the linger time to finish.
  void stop() noexcept;
  /// Resets them too.
  void hurry() noexcept;
  /// A handler that waits elsewhere keeps its connection, and the shard stays for it; so it does for one that lives
  /// elsewhere, since messages to it come by here.
  [[nodiscard]] bool is_quiet() const noexcept { return size_ == 0; }

  template <class Visit>
  void for_each(Visit visit) {
    // By index: a visit may make connections, and they slots.
    std::size_t left = slots_.size();
    for (std::size_t i = 0; left != 0; ++i, --left) {
      if (connection* c = slots_[i].held; c != nullptr) visit(*c);
    }
  }

 private:
  friend class connection;
  friend class connection_mover;
  friend class connection_owner;

  /// A connection that moves, or lives elsewhere.
  struct absence {
    explicit absence(shard_id where) noexcept : lives_on(where) {}
    shard_id lives_on;
    bool on_its_way = true;
    visit_queue waiting;  // while it is on its way
  };
  struct slot {
    connection* held = nullptr;
    std::unique_ptr<absence> away;  // home slots only
    std::uint32_t generation = 0;
    std::uint32_t next_free = no_slot;
  };
  static constexpr std::uint32_t no_slot = ~std::uint32_t{0};

  [[nodiscard]] std::uint32_t take_slot();
  void free_slot(std::uint32_t index) noexcept;
  [[nodiscard]] void* allocate() noexcept;
  void destroy(connection& c) noexcept;

  // Moves, by connection_mover.
  /// Room for a connection of that name, which came from another shard; nullptr when there is no memory.
  [[nodiscard]] connection* admit(connection_id id, int fd, profile_ptr profile, connection_observer* observer,
                                  const address& remote);
  /// It has left; the object is empty now, and not the connection any more until readmit().
  void let_go(connection& c) noexcept;
  void readmit(connection& c);
  void destroy_husk(connection& c) noexcept;
  /// Undoes admit().
  void discard(connection& c) noexcept;
  /// Home: visits wait from here on. False when no connection of that name lives on `from`.
  [[nodiscard]] bool hold(connection_id id, shard_id from);
  /// Home: visits go on, to `lives_on`.
  void release(connection_id id, shard_id lives_on);
  /// Home: it ended on another shard.
  void forget(connection_id id) noexcept;
  [[nodiscard]] slot* home_slot(connection_id id) noexcept;

  shard& shard_;
  std::vector<slot> slots_;
  std::unordered_map<std::uint64_t, std::uint32_t> guests_;  // connection_id::key() -> slot
  std::uint32_t first_free_ = no_slot;
  std::size_t size_ = 0;
  bool stopped_ = false;
  connection_counters counters_;
};

}  // namespace shoal
