// SPDX-License-Identifier: Apache-2.0
// reader: the waiting face of a connection's input. Same names and rules as link_buffer's, each an awaitable.
//
// Resume rule: on the connection's shard; inside the co_await when the bytes are there, else in the "deliver" step of
// the
//   turn that brought them, or in "run tasks" after a close, a timeout or a stop.
// Waiters: one reader at a time; a second gets errc::concurrent_access at once.
// Errors: errc::eof, errc::closed, errc::read_timeout, errc::message_too_long, or the socket's error. Nothing is
// consumed then. Lifetime: the connection must be pinned by a running handler, or by the connection_owner that dialled
// it.
#pragma once

#include <shoal/net/connection.hpp>

#include <span>
#include <string>
#include <string_view>

namespace shoal {

/// One wait for input. Lives in the waiting frame.
class read_waiter : public resume_item {
 public:
  [[nodiscard]] bool await_ready() { return !begin(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }

 protected:
  read_waiter(connection& c, std::size_t want) noexcept : connection_(c), want_(want) {}
  virtual ~read_waiter() = default;

  /// Whether the wait is over; may raise want_ to the length at which to look again.
  [[nodiscard]] virtual bool satisfied() { return connection_.input().len() >= want_; }

  connection& connection_;
  std::size_t want_;
  std::error_code error_;

 private:
  friend class connection;
  /// True when the coroutine must wait; else error_ says how it went.
  [[nodiscard]] bool begin();

  instant since_;
};

/// Waits for `want` bytes and then does what the link_buffer's own method does.
template <class T>
class [[nodiscard]] read_operation final : public read_waiter {
 public:
  using function = result<T> (*)(link_buffer&, std::size_t);
  read_operation(connection& c, std::size_t want, function finish) noexcept : read_waiter(c, want), finish_(finish) {}
  [[nodiscard]] result<T> await_resume() {
    if (error_) return fail(error_);
    return finish_(connection_.input(), want_);
  }

 private:
  function finish_;
};

/// Waits for a delimiter of up to max_message bytes before it.
class [[nodiscard]] until_operation final : public read_waiter {
 public:
  until_operation(connection& c, std::string_view delimiter) noexcept : read_waiter(c, 1), delimiter_(delimiter) {}
  /// The bytes up to and including the delimiter, valid until release().
  [[nodiscard]] result<std::span<const std::byte>> await_resume() {
    if (error_) return fail(error_);
    return *found_;
  }

 private:
  [[nodiscard]] bool satisfied() override;

  std::string_view delimiter_;
  result<std::span<const std::byte>> found_ = fail(errc::not_enough_data);
};

class reader {
 public:
  explicit reader(connection& c) noexcept : connection_(c) {}

  /// n bytes, consumed; valid until release().
  [[nodiscard]] read_operation<std::span<const std::byte>> next(std::size_t n) const {
    return {connection_, n, [](link_buffer& b, std::size_t count) { return b.next(count); }};
  }
  [[nodiscard]] read_operation<std::span<const std::byte>> peek(std::size_t n) const {
    return {connection_, n, [](link_buffer& b, std::size_t count) { return b.peek(count); }};
  }
  [[nodiscard]] read_operation<void> skip(std::size_t n) const {
    return {connection_, n, [](link_buffer& b, std::size_t count) { return b.skip(count); }};
  }
  /// Up to and including `delimiter`, which must outlive the wait.
  [[nodiscard]] until_operation until(std::string_view delimiter) const { return {connection_, delimiter}; }
  [[nodiscard]] read_operation<std::string> read_string(std::size_t n) const {
    return {connection_, n, [](link_buffer& b, std::size_t count) { return b.read_string(count); }};
  }
  [[nodiscard]] read_operation<std::uint16_t> read_u16_be() const {
    return {connection_, 2, [](link_buffer& b, std::size_t) { return b.read_u16_be(); }};
  }
  [[nodiscard]] read_operation<std::uint32_t> read_u32_be() const {
    return {connection_, 4, [](link_buffer& b, std::size_t) { return b.read_u32_be(); }};
  }
  [[nodiscard]] read_operation<std::uint64_t> read_u64_be() const {
    return {connection_, 8, [](link_buffer& b, std::size_t) { return b.read_u64_be(); }};
  }
  /// n bytes as a buffer that shares the blocks; may outlive the connection.
  [[nodiscard]] read_operation<link_buffer> slice(std::size_t n) const {
    return {connection_, n, [](link_buffer& b, std::size_t count) { return b.slice(count); }};
  }
  /// Waits for at least one byte and moves out all there are. Copies nothing.
  [[nodiscard]] read_operation<link_buffer> take_all() const {
    return {connection_, 1, [](link_buffer& b, std::size_t) { return result<link_buffer>{b.take_all()}; }};
  }
  /// Gives back what was handed out; spans from before are invalid.
  void release() const;

 private:
  connection& connection_;
};

inline reader connection::reader() noexcept { return shoal::reader{*this}; }

}  // namespace shoal
