// SPDX-License-Identifier: Apache-2.0
// upgrade_link: what two generations of the proxy say to each other: the old one hands its listening sockets over, the
// new one says when it serves.
//
//   old                                   new
//   spawns it, with SHOAL_UPGRADE_FD=N
//   "127.0.0.1:80\n..." + descriptors --> handed_sockets
//   ...
//   "end"                             --> starts; binds nothing that it was handed
//                                     <-- "ready", or the end of the link: it failed
//
// Thread rule: blocking calls, so not on a shard (core/host/process_link.hpp).
#pragma once

#include <shoal/core/host/process_link.hpp>
#include <shoal/net/handed_sockets.hpp>
#include <shoal/net/server.hpp>

#include <cstdint>
#include <optional>
#include <span>

namespace proxy {

/// The name of the variable in the environment.
inline constexpr const char* upgrade_variable = "SHOAL_UPGRADE_FD";

/// The old side.
[[nodiscard]] shoal::result<void> send_sockets(shoal::process_link& link, std::span<const shoal::bound_socket> sockets);
enum class successor : std::uint8_t { serves, has_ended, is_silent };
/// What becomes of the other side, within so long.
[[nodiscard]] successor wait_for_successor(shoal::process_link& link, shoal::duration patience);

/// The new side: nothing if nobody started this process for an upgrade. The variable is removed from the environment.
[[nodiscard]] std::optional<shoal::process_link> find_predecessor();
[[nodiscard]] shoal::result<void> receive_sockets(shoal::process_link& link, shoal::handed_sockets& into);
void say_ready(shoal::process_link& link);

}  // namespace proxy
