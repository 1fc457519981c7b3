// SPDX-License-Identifier: Apache-2.0
// read_proxy_header: what an on_connect hook awaits first on a connection from a proxy.
//
//   task<> greet(connection& c) {
//     const instant deadline = c.owner().now() + 5s;
//     auto header = co_await read_proxy_header(c, proxy_header_policy::require, deadline);
//     if (!header) co_return c.close(close_how::reset, header.error());
//     ...
//   }
//
// A step of on_connect and no filter: a header comes once, so nothing of it shall stay in the way of the bytes behind
// it, which move on in the blocks they came in. Until the hook ends the connection keeps to its shard (a hook pins it);
// afterwards it moves like any other.
//
// Thread rule: owner shard only, in a hook of the connection or with an owner of it.
// Resume rule: on the connection's shard, as reader's waits. Waiters: it is the connection's one reader meanwhile.
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/core/task.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/proxy_protocol/proxy_header.hpp>

#include <optional>

namespace shoal {

/// accept: clients with a header and clients without. The first bytes tell. From a client that says nothing (the server
/// speaks first), or ends, or says no more than what a header could begin with, there is none at the deadline.
enum class proxy_header_policy : std::uint8_t { accept, require };

/// Consumes the header, and nothing else. No header: the policy is `accept`, and there is none.
/// Errors, nothing is consumed: a proxy_header_error; errc::read_timeout at the deadline; errc::eof and other ends of
/// the connection. The caller closes. A read deadline that was set on the connection is gone afterwards.
[[nodiscard]] task<result<std::optional<proxy_header>>> read_proxy_header(connection& c, proxy_header_policy policy,
                                                                          instant deadline);

}  // namespace shoal
