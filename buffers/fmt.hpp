// SPDX-License-Identifier: Apache-2.0
// fmt formatting of a link buffer's readable bytes. A header of its own: nobody pays for fmt who does not log bytes.
//
//   {}      text, with everything unprintable as \xNN          GET / HTTP/1.1\x0d\x0a
//   {:x}    two hexadecimal digits per byte                     474554202f
//   {:.20}  at most 20 bytes, then an ellipsis; with x, too     GET / HTTP/1.1\x0d\x0aHost...
//
// Thread rule: that of the buffer.
#pragma once

#include <shoal/buffers/link_buffer.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <limits>

template <>
struct fmt::formatter<shoal::link_buffer> {
  constexpr auto parse(fmt::format_parse_context& context) {
    auto it = context.begin();
    const auto end = context.end();
    if (it != end && *it == '.') {
      most_ = 0;
      for (++it; it != end && *it >= '0' && *it <= '9'; ++it) most_ = most_ * 10 + static_cast<std::size_t>(*it - '0');
    }
    if (it != end && *it == 'x') {
      hex_ = true;
      ++it;
    }
    if (it != end && *it != '}') throw fmt::format_error("a link_buffer is formatted with {}, {:x} or {:.N}");
    return it;
  }

  template <class Context>
  auto format(const shoal::link_buffer& buffer, Context& context) const {
    auto out = context.out();
    std::size_t left = most_;
    for (const auto piece : buffer.pieces()) {
      for (const std::byte b : piece) {
        if (left-- == 0) return fmt::format_to(out, "...");
        const auto value = std::to_integer<unsigned char>(b);
        if (hex_)
          out = fmt::format_to(out, "{:02x}", value);
        else if (value >= 0x20 && value < 0x7f)
          *out++ = static_cast<char>(value);
        else
          out = fmt::format_to(out, "\\x{:02x}", value);
      }
    }
    return out;
  }

 private:
  std::size_t most_ = std::numeric_limits<std::size_t>::max();
  bool hex_ = false;
};
