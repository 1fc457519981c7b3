// SPDX-License-Identifier: Apache-2.0
// connection_table: the connections that call this shard their home, by slot and generation.
//
// Thread rule: owner shard only (shard::local<connection_table>()).
// Invariants: a stale id never finds another connection: a slot's generation grows with each use. Connections live in
// the shard's slab; the table owns them.
#pragma once

#include <shoal/net/connection.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace shoal {

struct connection_counters {
  std::uint64_t made = 0;
  std::uint64_t handler_failures = 0;  ///< exceptions that left a handler
  std::uint64_t handlers_overdue = 0;  ///< handlers that outlived their connection by timeouts.handler_grace
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

  /// The connection of this name, or nullptr when it is gone.
  [[nodiscard]] connection* find(connection_id id) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const connection_counters& counters() const noexcept { return counters_; }

  /// The shard stops: resets what is left. Those in the middle of close(drain) get the linger time to finish.
  void stop() noexcept;
  /// Resets them too.
  void hurry() noexcept;
  /// A handler that waits elsewhere keeps its connection, and the shard stays for it.
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
  friend class connection_owner;
  struct slot {
    connection* held = nullptr;
    std::uint32_t generation = 0;
    std::uint32_t next_free = no_slot;
  };
  static constexpr std::uint32_t no_slot = ~std::uint32_t{0};

  void destroy(connection& c) noexcept;

  shard& shard_;
  std::vector<slot> slots_;
  std::uint32_t first_free_ = no_slot;
  std::size_t size_ = 0;
  connection_counters counters_;
};

}  // namespace shoal
