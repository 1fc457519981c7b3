// SPDX-License-Identifier: Apache-2.0
// What the connections of one listener (or dialler) have in common: hooks, limits, timeouts. One table per listener
// and shard; a connection points at it and copies it only to override (the 512 B budget).
//
// Thread rule: plain values while a server is described; then one copy per shard, which that shard owns.
#pragma once

#include <shoal/buffers/callback.hpp>
#include <shoal/core/counted_ptr.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/core/instant.hpp>
#include <shoal/core/task.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace shoal {

class connection;
class filter;

/// A hook that may be a plain function or a coroutine: void(connection&) or task<>(connection&). D13 applies to
/// coroutines: a capturing lambda coroutine lives in the hook table, which a running handler keeps alive.
class handler {
 public:
  handler() = default;
  template <class F>
    requires std::is_invocable_v<F&, connection&> && (!std::is_same_v<std::remove_cvref_t<F>, handler>)
  handler(F function) {  // NOLINT(google-explicit-constructor): hooks are written in place
    using returned = std::invoke_result_t<F&, connection&>;
    static_assert(std::is_void_v<returned> || std::is_same_v<returned, task<>>, "a hook returns void or task<>");
    if constexpr (std::is_void_v<returned>) {
      plain_ = std::move(function);
    } else {
      coroutine_ = std::move(function);
    }
  }

  [[nodiscard]] explicit operator bool() const noexcept { return plain_ || coroutine_; }
  [[nodiscard]] bool is_plain() const noexcept { return static_cast<bool>(plain_); }
  void call_plain(connection& c) const { plain_(c); }
  [[nodiscard]] task<> call_coroutine(connection& c) const { return coroutine_(c); }

 private:
  callback<void(connection&)> plain_;
  callback<task<>(connection&)> coroutine_;
};

/// The hooks in the order they run; each at most once per connection, on_request and those around a move excepted.
struct connection_hooks {
  callback<void(connection&)> on_prepare;  ///< before registration; may close, may not do input or output
  handler on_connect;                      ///< never overlaps on_request; data waits
  handler on_request;                      ///< unread bytes exist, and again while it makes progress
  callback<bool(connection&)> on_leave;    ///< about to move to another shard; false refuses
  callback<void(connection&)> on_arrive;   ///< it has moved: takes what on_leave left in the context to this shard
  callback<void(connection&, std::error_code)>
      on_disconnect;  ///< runs if on_connect ran (or would have), with the reason
};

/// Watermarks, in bytes. Soft: input may pass its high mark by one receive, output by one write.
struct buffer_marks {
  std::size_t high = std::size_t{1} << 20;   ///< stop reading, suspend writers
  std::size_t low = std::size_t{256} << 10;  ///< go on
};

/// Timeouts of a connection. zero = none, which only the library's user may choose; shoal's programs never do.
struct connection_timeouts {
  duration read = duration::zero();                   ///< of one wait for bytes
  duration write = std::chrono::seconds{60};          ///< queued output without progress; terminal
  duration idle = std::chrono::minutes{10};           ///< no byte either way
  duration half_closed = std::chrono::seconds{30};    ///< no byte either way after one side has finished
  duration handler_grace = std::chrono::seconds{10};  ///< a handler that outlives its closed connection is reported
  duration linger = std::chrono::seconds{2};          ///< close(drain): how long input is discarded after our FIN
};

struct connection_options {
  buffer_marks input;
  buffer_marks output;
  connection_timeouts timeouts;
  std::size_t max_message = std::size_t{1} << 20;   ///< largest single wait for bytes
  std::size_t max_receive = std::size_t{1} << 20;   ///< largest single receive; the adaptive book size grows up to it
  callback<std::unique_ptr<filter>()> make_filter;  ///< per connection; empty = plain
};

/// Hooks and options together. Owned by one shard: the count is a plain integer.
struct connection_profile {
  std::string name;  ///< of the listener or upstream, for log lines
  connection_hooks hooks;
  connection_options options;

  connection_profile() = default;
  connection_profile(const connection_profile& other) : name(other.name), hooks(other.hooks), options(other.options) {}
  connection_profile& operator=(const connection_profile&) = delete;
  ~connection_profile() = default;

  friend void intrusive_ptr_add_ref(const connection_profile* p) noexcept { ++p->references_; }
  friend void intrusive_ptr_release(const connection_profile* p) noexcept {
    if (--p->references_ == 0) std::default_delete<const connection_profile>{}(p);
  }

 private:
  mutable std::uint32_t references_ = 0;
};

using profile_ptr = counted_ptr<const connection_profile>;
[[nodiscard]] inline counted_ptr<connection_profile> make_profile() {
  return {std::make_unique<connection_profile>().release()};
}
[[nodiscard]] inline counted_ptr<connection_profile> make_profile(const connection_profile& like) {
  return {std::make_unique<connection_profile>(like).release()};
}

}  // namespace shoal
