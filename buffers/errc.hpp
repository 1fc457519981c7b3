// SPDX-License-Identifier: Apache-2.0
// The errors of shoal: one enum, one std::error_category, one alias for results.
//
// Thread rule: everything here is immutable and may be used from any thread.
// Rule: data paths return `result<T>`; an errno stays an errno (std::system_category), so a refused
// connection is still std::errc::connection_refused when it reaches the application.
#pragma once

#include <expected>
#include <system_error>
#include <type_traits>

namespace shoal {

/// What can go wrong in shoal itself. Values are stable; each is equivalent to the std::errc named beside it, if any.
enum class errc {
  not_enough_data = 1,  ///< fewer bytes buffered than asked for; nothing was consumed
  eof,                  ///< the peer finished sending; all bytes before it were delivered
  closed,               ///< this side closed the connection, channel, gate (std::errc::not_connected)
  read_timeout,         ///< no (or too few) bytes in time (std::errc::timed_out)
  write_timeout,        ///< queued bytes did not leave in time; terminal (std::errc::timed_out)
  idle_timeout,         ///< no byte either way in time (std::errc::timed_out)
  connect_timeout,      ///< resolve + connect took too long (std::errc::timed_out)
  half_closed_timeout,  ///< the half-closed phase took too long (std::errc::timed_out)
  stopped,              ///< the shard or runtime is stopping or stopped (std::errc::operation_canceled)
  cancelled,            ///< the caller asked for it (std::errc::operation_canceled)
  concurrent_access,    ///< a second reader or writer tried to wait (std::errc::operation_in_progress)
  unreleased,           ///< bytes handed out and not released passed the high mark
  message_too_long,     ///< a wait asked for more than max_message (std::errc::message_size)
  would_block,          ///< a mark or a lane is full and the caller can't wait (std::errc::operation_would_block)
  stale_connection,     ///< the id names a connection that is gone
  no_memory,            ///< the shard's slab is at its limit (std::errc::not_enough_memory)
  invalid_argument,     ///< a precondition on a value does not hold (std::errc::invalid_argument)
  not_supported,        ///< not available on this kernel or build (std::errc::not_supported)
  address_in_use,       ///< another process serves this address (std::errc::address_in_use)
  handler_failed,       ///< an exception left a handler
  no_endpoint,          ///< no endpoint of an upstream could be used (std::errc::host_unreachable)
  detached,             ///< the descriptor was handed over by detach() (std::errc::not_connected)
  timed_out,            ///< the time limit of the caller passed first (std::errc::timed_out)
  name_not_found,       ///< no such name: the name servers are sure of it
  no_address,           ///< the name exists, but has no record of the kind that was asked for
  name_server_failed,   ///< the name servers failed, refused or talked nonsense; trying later may help
  resolve_timeout,      ///< the name was not resolved in time (std::errc::timed_out)
};

/// The category of `errc`; name() is "shoal".
[[nodiscard]] const std::error_category& error_category() noexcept;

[[nodiscard]] inline std::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

/// A value or the error that kept it from being.
template <class T>
using result = std::expected<T, std::error_code>;

/// `return fail(errc::eof);` inside a function that returns a result.
[[nodiscard]] inline std::unexpected<std::error_code> fail(errc code) noexcept {
  return std::unexpected{make_error_code(code)};
}
[[nodiscard]] inline std::unexpected<std::error_code> fail(std::error_code code) noexcept {
  return std::unexpected{code};
}
/// The same for an errno value.
[[nodiscard]] inline std::unexpected<std::error_code> fail_errno(int value) noexcept {
  return std::unexpected{std::error_code{value, std::system_category()}};
}

}  // namespace shoal

template <>
struct std::is_error_code_enum<shoal::errc> : std::true_type {};
