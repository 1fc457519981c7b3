// SPDX-License-Identifier: Apache-2.0
// Reading across blocks.
#include <shoal/buffers/link_buffer.hpp>

#include <algorithm>
#include <cstring>

namespace shoal {

namespace {

const std::byte* scratch_end(const detail::segment* scratch) noexcept {
  return scratch->owner->data + scratch->owner->capacity;
}

}  // namespace

/// Bytes across segments are copied into scratch memory, unless an earlier peek left them there. Scratch is only ever
/// appended to, so spans into it stay valid.
result<link_buffer::bytes> link_buffer::peek_slow(std::size_t n) {
  if (closed_ || n > len()) return fail(too_few());
  if (n == 0) return bytes{};
  if (n > max_contiguous) return fail(errc::message_too_long);
  std::size_t there = cached();
  if (there < n) {
    if (scratch_ == nullptr || n - there > static_cast<std::size_t>(scratch_end(scratch_) - scratch_->end)) {
      block* b = slab_->take_block(detail::class_for(n));
      if (b == nullptr) return fail(errc::no_memory);
      b->filled = b->capacity;
      scratch_ = slab::first_segment(b, b->data, b->data);
      keep(scratch_);
      there = 0;
    }
    copy_out(there, {scratch_->end, n - there});
    scratch_->end += n - there;
    there = n;
    cached_to_ = read_at_ + n;
  }
  lend();
  return bytes{scratch_->end - there, n};
}

result<link_buffer::bytes> link_buffer::next_slow(std::size_t n) {
  auto out = peek_slow(n);
  if (out) advance(n);
  return out;
}

result<void> link_buffer::skip_slow(std::size_t n) {
  if (closed_ || n > len()) return fail(too_few());
  advance(n);
  return {};
}

bool link_buffer::copy_out(std::size_t from, std::span<std::byte> to) const noexcept {
  if (from > len() || to.size() > len() - from) return false;
  std::byte* out = to.data();
  std::size_t left = to.size();
  for (const segment* s = read_; left > 0; s = s->next) {
    if (from >= s->size()) {
      from -= s->size();
      continue;
    }
    const std::size_t piece = std::min(left, s->size() - from);
    copy_counted(copied(), out, s->begin + from, piece);
    out += piece;
    left -= piece;
    from = 0;
  }
  return true;
}

result<link_buffer::bytes> link_buffer::until_slow(char delimiter) {
  const std::size_t at = find(delimiter);
  if (at == npos) return fail(too_few());
  return next(at + 1);
}

result<link_buffer::bytes> link_buffer::until(std::string_view delimiter) {
  if (delimiter.empty()) return next(0);
  const std::size_t at = find(delimiter);
  if (at == npos) return fail(too_few());
  return next(at + delimiter.size());
}

result<std::string> link_buffer::read_string(std::size_t n) {
  if (closed_ || n > len()) return fail(too_few());
  std::string out(n, '\0');
  copy_out(0, std::as_writable_bytes(std::span{out}));
  advance(n);
  return out;
}

result<std::vector<std::byte>> link_buffer::read_binary(std::size_t n) {
  if (closed_ || n > len()) return fail(too_few());
  std::vector<std::byte> out(n);
  copy_out(0, out);
  advance(n);
  return out;
}

result<void> link_buffer::read_binary(std::span<std::byte> to) {
  if (closed_ || to.size() > len()) return fail(too_few());
  copy_out(0, to);
  advance(to.size());
  return {};
}

result<std::size_t> link_buffer::read_some(std::span<std::byte> to) {
  if (closed_) return fail(errc::closed);
  const std::size_t n = std::min(len(), to.size());
  copy_out(0, to.first(n));
  advance(n);
  return n;
}

result<std::uint64_t> link_buffer::read_varint() {
  std::uint64_t value = 0;
  std::size_t length = 0;
  for (const bytes piece : pieces()) {
    for (const std::byte b : piece) {
      const auto bits = std::to_integer<std::uint64_t>(b & std::byte{0x7f});
      if (length == 9 && std::to_integer<unsigned>(b) > 1) return fail(errc::invalid_argument);
      value |= bits << (7 * length);
      ++length;
      if ((b & std::byte{0x80}) == std::byte{}) {
        advance(length);
        return value;
      }
    }
  }
  return fail(too_few());
}

std::size_t link_buffer::find(char wanted, std::size_t from) const noexcept {
  std::size_t before = 0;
  for (const bytes piece : pieces()) {
    if (from < before + piece.size()) {
      const std::size_t start = from > before ? from - before : 0;
      const void* hit = std::memchr(piece.data() + start, wanted, piece.size() - start);
      if (hit != nullptr) return before + static_cast<std::size_t>(static_cast<const std::byte*>(hit) - piece.data());
    }
    before += piece.size();
  }
  return npos;
}

namespace {

/// Whether the bytes from `offset` of the piece at `it` on, and on into the next pieces, begin with `text`.
bool matches(piece_range::iterator it, std::size_t offset, std::string_view text) noexcept {
  for (; !text.empty() && it != std::default_sentinel; ++it, offset = 0) {
    const auto rest = (*it).subspan(offset);
    const std::size_t n = std::min(rest.size(), text.size());
    if (std::memcmp(rest.data(), text.data(), n) != 0) return false;
    text.remove_prefix(n);
  }
  return text.empty();
}

}  // namespace

std::size_t link_buffer::find(std::string_view wanted, std::size_t from) const noexcept {
  if (wanted.empty()) return from <= len() ? from : npos;
  std::size_t before = 0;
  for (auto it = pieces().begin(); it != std::default_sentinel; ++it) {
    const bytes piece = *it;
    std::size_t start = from > before ? from - before : 0;
    while (start < piece.size()) {
      const void* hit = std::memchr(piece.data() + start, wanted.front(), piece.size() - start);
      if (hit == nullptr) break;
      const auto at = static_cast<std::size_t>(static_cast<const std::byte*>(hit) - piece.data());
      if (before + at + wanted.size() > len()) return npos;
      if (matches(it, at, wanted)) return before + at;
      start = at + 1;
    }
    before += piece.size();
  }
  return npos;
}

std::optional<std::string_view> link_buffer::contiguous() const noexcept {
  if (empty()) return std::string_view{};
  const bytes first = *pieces().begin();
  if (first.size() != len()) return std::nullopt;
  return std::string_view{reinterpret_cast<const char*>(first.data()), first.size()};
}

bool link_buffer::starts_with(std::string_view prefix) const noexcept {
  return prefix.size() <= len() && matches(pieces().begin(), 0, prefix);
}

bool link_buffer::operator==(std::string_view other) const noexcept {
  return other.size() == len() && matches(pieces().begin(), 0, other);
}

bool link_buffer::operator==(const link_buffer& other) const noexcept {
  if (len() != other.len()) return false;
  auto mine = pieces().begin();
  auto theirs = other.pieces().begin();
  bytes a;
  bytes b;
  for (std::size_t left = len(); left > 0;) {
    if (a.empty()) a = *mine, ++mine;
    if (b.empty()) b = *theirs, ++theirs;
    const std::size_t n = std::min(a.size(), b.size());
    if (std::memcmp(a.data(), b.data(), n) != 0) return false;
    a = a.subspan(n);
    b = b.subspan(n);
    left -= n;
  }
  return true;
}

std::string link_buffer::to_string() const {
  std::string out(len(), '\0');
  copy_out(0, std::as_writable_bytes(std::span{out}));
  return out;
}

}  // namespace shoal
