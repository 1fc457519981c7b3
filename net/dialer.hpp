// SPDX-License-Identifier: Apache-2.0
// dialer: connects to an address, or to a name, and gives a connection that obeys the same rules as an accepted one.
//
// Thread rule: owner shard only.
#pragma once

#include <shoal/net/connection.hpp>
#include <shoal/net/connection_owner.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/dial_options.hpp>

#include <memory>
#include <optional>
#include <string_view>

namespace shoal {

class resolver;

class dialer {
 public:
  /// `profile` is what dialled connections have in common. `observer` hears when one is gone; may be nullptr.
  /// `names` answers for names, and must outlive the dials; nullptr = the shard's own (caching_resolver).
  dialer(shard& here, profile_ptr profile, connection_observer* observer = nullptr, resolver* names = nullptr)
      : shard_(here), profile_(std::move(profile)), observer_(observer), names_(names) {}

  /// Connects to one address. A unix socket whose queue is full is tried again until the timeout.
  /// Errors: the kernel's (connection refused stays connection refused), errc::connect_timeout, errc::cancelled,
  /// errc::stopped, errc::no_memory, or the reason for which on_prepare closed it. `target` and `options` must outlive
  /// the wait.
  /// Resume rule: on this shard, in the "deliver" step that brought the outcome, before the connection's hooks run
  /// (on_prepare has). Waiters: one. Stop: ends with errc::stopped.
  [[nodiscard]] task<result<connection_owner>> dial(const address& target, const dial_options& options);

  /// The same for "10.0.0.1:80", "[::1]:80", "unix:/run/x.sock" or "name:port". A name's addresses race (RFC 8305,
  /// name_dial.hpp); on_prepare and the close callbacks run for every attempt, the other hooks for the winner only.
  /// Further errors: errc::invalid_argument (no such form), and of names errc::name_not_found, no_address,
  /// name_server_failed, resolve_timeout; of several failures the one that tells most (name_dial.hpp). What happened
  /// one by one is in `options.failures`.
  /// Resume rule: on this shard, in "deliver", "run tasks" or "expire timers". Otherwise as above.
  [[nodiscard]] task<result<connection_owner>> dial(std::string_view target, const dial_options& options);

 private:
  shard& shard_;
  profile_ptr profile_;
  connection_observer* observer_;
  resolver* names_;
};

}  // namespace shoal
