// SPDX-License-Identifier: Apache-2.0
// connection_mover: the messages by which a connection gets from one shard to another; connection_move.hpp has the
// order of them.
//
// Thread rule: static functions, each on the shard its comment names. State is in the connection, its home slot, and
// the messages.
// Invariants:
//  1. One shard has the connection, and only that one tells its home about it; so no two pieces of news about a
//     connection pass each other.
//  2. A parcel always comes back to its sender, which keeps the emptied object until then: refused, it goes on there.
#pragma once

#include <shoal/net/connection.hpp>
#include <shoal/net/connection_id.hpp>

#include <cstdint>

namespace shoal {

class connection_mover {
 public:
  enum class news : std::uint8_t {
    ask,      ///< to home: may it leave the sender?
    grant,    ///< from home: visits wait, it may
    arrived,  ///< to home: it lives on the sender now, or stays there
    gone,     ///< to home: it has ended
  };

  /// Where it lives, at a safe point: asks home to hold its visits, then lets it leave.
  static void begin(connection& c);
  /// Where it lives, once the poller has let go of it, and of the other end of its pair.
  static void send_off(connection& c);
  /// Where it lives: it stays, visits may come again.
  static void stay(connection& c);
  /// Tells home, by message or directly.
  static void tell_home(news what, connection_id id);

 private:
  class note;
  class parcel;

  static void take(news what, connection_id id, shard_id from);
  static void granted(connection_id id);
};

}  // namespace shoal
