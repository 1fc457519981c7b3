// SPDX-License-Identifier: Apache-2.0
// Live connections move between shards: quiesce, retire, transfer, attach. The peer notices nothing.
//
//   from                          home                         to
//   move_to(), safe point --ask-->  visits wait
//        <-----------------grant--
//   on_leave, retire, pack ------------------parcel--------->  attach, on_arrive
//        <---------------------------------------reply-------
//                                   visits go on  <-arrived--
//
// (At home, ask and grant are one step.) What is promised:
//   1. Bytes: each exactly once and in order, both ways. Unread input and unsent output travel uncopied; what the
//      kernel has stays there. The descriptor leaves its poller, for good, before it enters the other.
//   2. Identity: id(), timeouts, deadlines, bytes counted, context and TCP options stay. `connection&` does not.
//   3. Messages: all come by home and wait there while the connection is on its way, so the order of each sender holds.
//   4. Hooks: on_leave (which may refuse) -> on_arrive, on the new shard or, when that had no memory or stopped, on the
//      old one -> whatever comes next. No hook runs between them.
//   5. An end on the way (a reset, a stop) ends the connection once, as anywhere else.
//
// Thread rule: the shard where the connection lives.
#pragma once

#include <cstdint>
#include <string_view>

namespace shoal {

/// What keeps a connection where it is. Those up to `unflushed` pass by themselves; the others stay until the
/// application changes something.
enum class move_obstacle : std::uint8_t {
  none,
  handler,     ///< a hook runs, or is suspended: so a session loop stays for its life
  waiting,     ///< somebody waits for its bytes or its room
  moving,      ///< it is on its way already
  unflushed,   ///< bytes written and not flushed
  not_open,    ///< connecting, closing
  owner,       ///< a connection_owner holds it
  pair,        ///< it is one end of a relay
  filter,      ///< its filter cannot move
  context,     ///< it has a context, and its server no on_arrive that could carry it over
  own_hooks,   ///< hooks set for this connection alone, close callbacks: their captures belong to this shard
  stop_token,  ///< somebody has its stop_token()
  observer,    ///< whoever watches it (a dialer, an application) has nobody on the other shard
};

[[nodiscard]] constexpr bool passes_by_itself(move_obstacle what) noexcept { return what <= move_obstacle::unflushed; }

[[nodiscard]] constexpr std::string_view to_string(move_obstacle what) noexcept {
  switch (what) {
    case move_obstacle::none: return "none";
    case move_obstacle::handler: return "handler";
    case move_obstacle::waiting: return "waiting";
    case move_obstacle::moving: return "moving";
    case move_obstacle::unflushed: return "unflushed";
    case move_obstacle::not_open: return "not open";
    case move_obstacle::owner: return "owner";
    case move_obstacle::pair: return "pair";
    case move_obstacle::filter: return "filter";
    case move_obstacle::context: return "context";
    case move_obstacle::own_hooks: return "own hooks";
    case move_obstacle::stop_token: return "stop token";
    case move_obstacle::observer: return "observer";
  }
  return "?";
}

}  // namespace shoal
