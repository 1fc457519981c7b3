// SPDX-License-Identifier: Apache-2.0
// hello_cursor: the bytes of a handshake message, one after the other, wherever records and blocks part them.
//
// Thread rule: that of the buffer, which must not change meanwhile.
// Invariant: past the end, and after a length that does not fit, it reads zeros and is_good() is false for good.
#pragma once

#include <shoal/buffers/link_buffer.hpp>
#include <shoal/net/sni/client_hello.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace shoal {

inline constexpr std::size_t record_header = 5;  // type, version, length

class hello_cursor {
 public:
  /// The message has `length` bytes, all of them are here, and so are the headers of their records.
  hello_cursor(const link_buffer& input, std::size_t length) noexcept : piece_(input.pieces().begin()), left_(length) {}

  [[nodiscard]] std::uint8_t u8() noexcept {
    if (left_ == 0) is_good_ = false;
    if (!is_good_) return 0;
    --left_;
    if (record_left_ == 0) enter_record();
    --record_left_;
    return raw();
  }
  [[nodiscard]] std::size_t u16() noexcept {
    const std::size_t high = u8();
    return high << 8U | u8();
  }
  void skip(std::size_t n) noexcept {
    if (n > left_) is_good_ = false;
    while (is_good_ && n-- > 0) static_cast<void>(u8());
  }
  [[nodiscard]] std::size_t left() const noexcept { return left_; }
  [[nodiscard]] bool is_good() const noexcept { return is_good_; }
  void fail() noexcept { is_good_ = false; }

 private:
  void enter_record() noexcept {
    for (std::size_t i = 0; i < record_header - 2; ++i) static_cast<void>(raw());
    const std::size_t high = raw();
    record_left_ = high << 8U | raw();
  }
  std::uint8_t raw() noexcept {
    while (at_ == (*piece_).size()) {
      ++piece_;
      at_ = 0;
    }
    return std::to_integer<std::uint8_t>((*piece_)[at_++]);
  }

  piece_range::iterator piece_;
  std::size_t at_ = 0;  // in the piece
  std::size_t record_left_ = 0;
  std::size_t left_;
  bool is_good_ = true;
};

/// By client_hello_parser, when all of the message is here.
[[nodiscard]] client_hello_look read_hello(const link_buffer& input, std::size_t length);

}  // namespace shoal
