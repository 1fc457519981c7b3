// SPDX-License-Identifier: Apache-2.0
// read_server_name: which server a TLS client asks for, without taking a byte from the connection.
//
//   auto name = co_await read_server_name(c, c.owner().now() + 10s);
//   if (!name) co_return c.close(close_how::reset, name.error());
//   const auto where = names.find(*name);      // server_names.hpp
//
// Thread rule: owner shard only, in a hook of the connection or with an owner of it.
// Resume rule: on the connection's shard, as reader's waits. Waiters: it is the connection's one reader meanwhile.
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/core/task.hpp>
#include <shoal/net/connection.hpp>

#include <string>

namespace shoal {

/// In lower case; empty if the client names none. All bytes stay in the input.
/// Errors: a client_hello_error; errc::read_timeout at the deadline; errc::eof and other ends of the connection. The
/// caller closes. A read deadline that was set on the connection is gone afterwards.
[[nodiscard]] task<result<std::string>> read_server_name(connection& c, instant deadline);

}  // namespace shoal
