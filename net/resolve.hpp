// SPDX-License-Identifier: Apache-2.0
// resolve: the addresses of a name, for application code.
//
//   auto found = co_await resolve("db.example", options);       // result<resolved_name>
//
// To connect, dial the name instead: the dialer does not wait for the slower kind of address.
//
// Resume rule: on this shard, in "run tasks" (or in "expire timers", when it took too long). Waiters: any number; those
//   who ask for the same name wait for one question. Stop: errc::stopped. Lifetime: name and options must outlive the
//   wait.
#pragma once

#include <shoal/core/task.hpp>
#include <shoal/net/address.hpp>
#include <shoal/net/name_lookup.hpp>

#include <stop_token>
#include <string_view>
#include <vector>

namespace shoal {

class resolver;

struct resolve_options {
  std::uint16_t port = 0;  ///< that the addresses get
  address_families families = address_families::any;
  duration timeout = std::chrono::seconds{5};  ///< errc::resolve_timeout
  std::stop_token stop;                        ///< errc::cancelled; requested on this shard only
  resolver* names = nullptr;                   ///< nullptr = the shard's own (caching_resolver)
};

struct resolved_name {
  std::vector<address> addresses;  ///< IPv6 before IPv4, each in the servers' order; never empty
  duration ttl{0};                 ///< how long they may be used
};

/// A number (127.0.0.1, ::1) is its own answer. When one kind fails and the other has addresses, those are it; else the
/// error that tells more (name_lookup.hpp).
[[nodiscard]] task<result<resolved_name>> resolve(std::string_view name, const resolve_options& options);

}  // namespace shoal
