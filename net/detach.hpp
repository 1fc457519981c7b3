// SPDX-License-Identifier: Apache-2.0
// detach and adopt: a connection's descriptor leaves it, and a connected descriptor becomes a connection.
//
//   auto socket = co_await detach(c);                 // in a handler: the descriptor and the bytes in neither hand
//   auto c = adopt(shard, std::move(*socket), profile);   // here or, by its descriptor, in another program
//
// Thread rule: owner shard only.
#pragma once

#include <shoal/net/connection.hpp>
#include <shoal/net/detached_socket.hpp>
#include <shoal/net/dialer.hpp>

#include <optional>

namespace shoal {

/// Waits until the poller has let go of the descriptor.
/// Resume rule: on the connection's shard, in the "deliver" step, before on_disconnect. Waiters: one; a second gets the
/// error at once. Stop: not interrupted, the poller lets go within a turn or two. Lifetime: as reader.hpp.
class [[nodiscard]] detach_awaiter : public resume_item {
 public:
  explicit detach_awaiter(connection& c) noexcept : connection_(c) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> handle);
  /// Errors: as connection::detach().
  [[nodiscard]] result<detached_socket> await_resume() {
    if (error_) return fail(error_);
    SHOAL_ASSERT(outcome_.has_value());
    return std::move(*outcome_);
  }

 private:
  connection& connection_;
  std::error_code error_;
  std::optional<result<detached_socket>> outcome_;
};

[[nodiscard]] inline detach_awaiter detach(connection& c) noexcept { return detach_awaiter{c}; }

/// Makes a connection of a connected stream socket that came from elsewhere: detached, inherited, sent by another
/// process. It is made non-blocking and close-on-exec, and belongs to the connection from here on, on failure too
/// (then it is closed). The hooks run as for an accepted one.
/// Errors: the kernel's (ENOTSOCK, ENOTCONN), errc::invalid_argument for a socket that is no stream, errc::no_memory.
[[nodiscard]] result<connection_owner> adopt(shard& here, int fd, profile_ptr profile,
                                             connection_observer* observer = nullptr);
/// The same with its bytes: what was unread is the first input, what was unsent is sent first. The buffers must be this
/// shard's.
[[nodiscard]] result<connection_owner> adopt(shard& here, detached_socket socket, profile_ptr profile,
                                             connection_observer* observer = nullptr);

}  // namespace shoal
