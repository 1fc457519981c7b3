// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/hex_dump.hpp>

#include <shoal/buffers/link_buffer.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace shoal {

namespace {

constexpr std::size_t per_line = 16;
constexpr std::string_view digits = "0123456789abcdef";

/// Collects sixteen bytes, whatever pieces they come in, then writes them as one line.
class line_writer {
 public:
  explicit line_writer(std::string& out) noexcept : out_{out} {}

  void add(std::byte b) {
    line_[used_++] = std::to_integer<unsigned char>(b);
    if (used_ == per_line) flush();
  }
  void flush() {
    if (used_ == 0) return;
    for (int shift = 12; shift >= 0; shift -= 4) out_ += digits[offset_ >> shift & 0xf];
    out_ += ' ';
    for (std::size_t i = 0; i < per_line; ++i) {
      if (i % 8 == 0) out_ += ' ';
      if (i < used_) {
        out_ += digits[line_[i] >> 4];
        out_ += digits[line_[i] & 0xf];
        out_ += ' ';
      } else {
        out_ += "   ";
      }
    }
    out_ += " |";
    for (std::size_t i = 0; i < used_; ++i)
      out_ += line_[i] >= 0x20 && line_[i] < 0x7f ? static_cast<char>(line_[i]) : '.';
    out_ += "|\n";
    offset_ += used_;
    used_ = 0;
  }

 private:
  std::string& out_;
  std::array<unsigned char, per_line> line_{};
  std::size_t used_ = 0;
  std::size_t offset_ = 0;
};

}  // namespace

std::string hex_dump(piece_range pieces, std::size_t bytes, std::size_t most) {
  std::string out;
  line_writer line{out};
  std::size_t left = std::min(bytes, most);
  for (const std::span<const std::byte> piece : pieces) {
    const std::size_t shown = std::min(left, piece.size());
    for (const std::byte b : piece.first(shown)) line.add(b);
    left -= shown;
    if (left == 0) break;
  }
  line.flush();
  if (bytes > most) out += '(' + std::to_string(bytes - most) + " more bytes)\n";
  return out;
}

std::string hex_dump(const link_buffer& buffer, std::size_t most) {
  return hex_dump(buffer.pieces(), buffer.len(), most);
}

std::string hex_dump(std::span<const std::byte> bytes, std::size_t most) {
  auto* begin = const_cast<std::byte*>(bytes.data());  // a segment knows no const; nobody writes through this one
  const detail::segment whole{nullptr, nullptr, begin, begin + bytes.size()};
  return hex_dump(piece_range{&whole, bytes.size()}, bytes.size(), most);
}

}  // namespace shoal
