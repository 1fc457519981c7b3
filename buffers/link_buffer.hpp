// SPDX-License-Identifier: Apache-2.0
// A chain of slab blocks with four cursors: bytes come in at one end, are read in place, and leave at the other,
// uncopied.
//
//  kept          read              commit        write
//   v             v                 v             v
//  [ consumed,   |  readable: len() | malloc_len()|  room ]
//  [ unreleased  |                  |             |       ]
//
// Thread rule: the owner shard of its slab; counts are plain integers. To leave the shard, bytes become a
// foreign_slice.
//
// Invariants:
//   1. Fewer bytes than asked for is errc::not_enough_data and consumes nothing. n == 0 is an empty result, no error.
//   2. A span from next(), peek() or until() stays valid until release(), whatever is read, taken or appended
//   meanwhile.
//      Inside one block it aliases the block; across blocks the bytes are copied once, into a block that release()
//      frees.
//   3. What is written becomes readable at commit(). A span from malloc() stays valid until commit().
//   4. A buffer without bytes, without spans out and without a booking holds no block.
//   5. A failed call changes nothing, errc::no_memory included. After close() every call fails with errc::closed.
//   6. bytes_copied of the slab counts every byte copied here; slice(), take(), append() and adopt() copy none.
#pragma once

#include <shoal/buffers/block_ref.hpp>
#include <shoal/buffers/byte_chain.hpp>
#include <shoal/buffers/copy.hpp>
#include <shoal/buffers/each_place.hpp>
#include <shoal/buffers/endian.hpp>
#include <shoal/buffers/errc.hpp>
#include <shoal/buffers/owned_bytes.hpp>
#include <shoal/buffers/pieces.hpp>
#include <shoal/buffers/slab.hpp>

#include <sys/uio.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shoal {

class foreign_slice;

class link_buffer : private detail::byte_chain {
 public:
  using bytes = std::span<const std::byte>;
  static constexpr std::size_t npos = std::numeric_limits<std::size_t>::max();
  /// Longest contiguous span, in bytes: the largest block.
  static constexpr std::size_t max_contiguous = detail::class_bytes(detail::block_classes - 1);
  /// write_owned() copies up to this many bytes: below, a head and an iovec of its own cost more than the copy.
  static constexpr std::size_t alias_above = 4096;

  explicit link_buffer(slab& home) noexcept : byte_chain{home} {}
  /// The source is left empty, open and usable.
  link_buffer(link_buffer&& other) noexcept = default;
  link_buffer& operator=(link_buffer&& other) noexcept = default;
  ~link_buffer() = default;

  // --- state --------------------------------------------------------------------------------------------------------
  [[nodiscard]] std::size_t len() const noexcept { return commit_at_ - read_at_; }
  [[nodiscard]] bool empty() const noexcept { return commit_at_ == read_at_; }
  [[nodiscard]] std::size_t malloc_len() const noexcept { return write_at_ - commit_at_; }
  /// Bytes consumed while spans are out; their blocks wait for release().
  [[nodiscard]] std::size_t unreleased() const noexcept { return lent_ == 0 ? 0 : read_at_ + 1 - lent_; }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  [[nodiscard]] slab& home() const noexcept { return *slab_; }
  /// Bytes that left at the read end, ever; and bytes committed, ever. Their difference is len(). A flush of everything
  /// committed now is complete when read_position() has reached today's commit_position().
  [[nodiscard]] std::uint64_t read_position() const noexcept { return read_at_; }
  [[nodiscard]] std::uint64_t commit_position() const noexcept { return commit_at_; }
  /// Bytes of the blocks this buffer keeps from being free. Walks the chain.
  [[nodiscard]] std::size_t held_bytes() const noexcept;

  // --- reading ------------------------------------------------------------------------------------------------------
  [[nodiscard]] result<bytes> next(std::size_t n);
  [[nodiscard]] result<bytes> peek(std::size_t n);
  result<void> skip(std::size_t n);
  /// Up to and including the delimiter.
  [[nodiscard]] result<bytes> until(char delimiter);
  [[nodiscard]] result<bytes> until(std::string_view delimiter);
  /// Calls f for each message up to and including its delimiter, as long as there are whole ones, and consumes them:
  /// half the work of asking for one after the other. f must not touch this buffer. Returns how many there were.
  template <std::invocable<bytes> F>
  result<std::size_t> each_until(char delimiter, F f);
  [[nodiscard]] result<std::string> read_string(std::size_t n);
  [[nodiscard]] result<std::vector<std::byte>> read_binary(std::size_t n);
  /// Fills `to` or fails.
  result<void> read_binary(std::span<std::byte> to);
  /// Copies and consumes what there is, up to to.size(); 0 when empty.
  result<std::size_t> read_some(std::span<std::byte> to);
  [[nodiscard]] result<std::byte> read_byte();
  [[nodiscard]] result<std::uint8_t> read_u8() { return read_integer<std::uint8_t, std::endian::big>(); }
  [[nodiscard]] result<std::uint16_t> read_u16_be() { return read_integer<std::uint16_t, std::endian::big>(); }
  [[nodiscard]] result<std::uint16_t> read_u16_le() { return read_integer<std::uint16_t, std::endian::little>(); }
  [[nodiscard]] result<std::uint32_t> read_u32_be() { return read_integer<std::uint32_t, std::endian::big>(); }
  [[nodiscard]] result<std::uint32_t> read_u32_le() { return read_integer<std::uint32_t, std::endian::little>(); }
  [[nodiscard]] result<std::uint64_t> read_u64_be() { return read_integer<std::uint64_t, std::endian::big>(); }
  [[nodiscard]] result<std::uint64_t> read_u64_le() { return read_integer<std::uint64_t, std::endian::little>(); }
  /// LEB128, as in protobuf. A 64-bit overflow is errc::invalid_argument.
  [[nodiscard]] result<std::uint64_t> read_varint();

  /// The next n bytes, shared: they stay readable through the slice as long as it lives, and are consumed here.
  [[nodiscard]] result<link_buffer> slice(std::size_t n);
  /// The next n bytes, moved out: whole blocks change hands without touching a count.
  [[nodiscard]] result<link_buffer> take(std::size_t n);
  /// All committed bytes, moved out. Closed or (with spans out and the reserve exhausted, too) out of memory, the
  /// result is empty and the bytes stay.
  [[nodiscard]] link_buffer take_all() noexcept;
  /// Ends the validity of all spans handed out and frees the blocks that were kept for them.
  void release() noexcept {
    if (lent_ != 0) release_kept();
  }

  // --- looking, without consuming and without copying ---------------------------------------------------------------
  /// Offset of the first occurrence at or after `from`, npos if none; to resume a search, pass where it ended.
  [[nodiscard]] std::size_t find(char wanted, std::size_t from = 0) const noexcept;
  [[nodiscard]] std::size_t find(std::string_view wanted, std::size_t from = 0) const noexcept;
  /// The committed bytes piece by piece, valid until the next call that changes the buffer.
  [[nodiscard]] piece_range pieces() const noexcept { return {read_, len()}; }
  /// All committed bytes, if they lie in one piece.
  [[nodiscard]] std::optional<std::string_view> contiguous() const noexcept;
  [[nodiscard]] bool starts_with(std::string_view prefix) const noexcept;
  [[nodiscard]] bool operator==(std::string_view other) const noexcept;
  [[nodiscard]] bool operator==(const link_buffer& other) const noexcept;
  /// A copy of the committed bytes, counted.
  [[nodiscard]] std::string to_string() const;
  /// Copies to.size() bytes from offset `from` on; false, nothing copied, if there are fewer.
  bool copy_out(std::size_t from, std::span<std::byte> to) const noexcept;

  // --- writing ------------------------------------------------------------------------------------------------------
  /// n contiguous bytes to write into.
  [[nodiscard]] result<std::span<std::byte>> malloc(std::size_t n);
  /// Keeps the first n of malloc_len() bytes and drops the rest.
  result<void> malloc_ack(std::size_t n);
  result<void> write_string(std::string_view text) { return write_binary(std::as_bytes(std::span{text})); }
  result<void> write_binary(bytes data);
  result<void> write_byte(std::byte value) { return write_u8(std::to_integer<std::uint8_t>(value)); }
  result<void> write_u8(std::uint8_t value) { return write_integer<std::endian::big>(value); }
  result<void> write_u16_be(std::uint16_t value) { return write_integer<std::endian::big>(value); }
  result<void> write_u16_le(std::uint16_t value) { return write_integer<std::endian::little>(value); }
  result<void> write_u32_be(std::uint32_t value) { return write_integer<std::endian::big>(value); }
  result<void> write_u32_le(std::uint32_t value) { return write_integer<std::endian::little>(value); }
  result<void> write_u64_be(std::uint64_t value) { return write_integer<std::endian::big>(value); }
  result<void> write_u64_le(std::uint64_t value) { return write_integer<std::endian::little>(value); }
  result<void> write_varint(std::uint64_t value);
  /// Points at the owner's bytes above alias_above, copies below; the owner is taken only on success.
  template <owning_bytes T>
  result<void> write_owned(T&& owner);
  /// Inserts the owner's bytes, uncopied whatever their size, before the last `remain` bytes of malloc_len().
  template <owning_bytes T>
  result<void> write_direct(T&& owner, std::size_t remain);
  /// Moves everything written to `source`, committed or not, behind what is written here; not yet readable.
  result<void> append(link_buffer&& source);
  /// The same with bytes of another shard; they go home when they were read or sent here.
  result<void> append(foreign_slice&& source);
  result<void> commit() noexcept {
    if (closed_) [[unlikely]]
      return fail(errc::closed);
    commit_at_ = write_at_;
    return {};
  }

  // --- the poller's side --------------------------------------------------------------------------------------------
  /// Space to receive into, at most `cap` bytes. A tail block's room comes first if it is at least a quarter of the
  /// adaptive size; else a new block of that size, or of what memory allows. The size starts at 4 KiB, doubles when a
  /// read fills it, up to 8 MiB or `cap`, and halves after two reads in a row of at most a quarter.
  [[nodiscard]] result<std::span<std::byte>> book(std::size_t cap = npos);
  /// The same for bytes that will be appended to `onward`: while that is backed up, the room behind its last bytes
  /// comes first, if no booking and no bytes are here. So what waits fills its blocks, instead of pinning each one
  /// part-filled.
  [[nodiscard]] result<std::span<std::byte>> book_behind(const link_buffer& onward, std::size_t cap = npos);
  /// The first n bytes of the booked space are received and, like all bytes written before, readable. 0 cancels.
  result<void> book_ack(std::size_t n);
  /// A reference to the block under the booking, so that it outlives this buffer while the kernel writes into it.
  [[nodiscard]] block_ref booked_block() const noexcept;
  /// Appends bytes [from, from + filled) of a block that was filled elsewhere, readable at once. The size of book()
  /// adapts to a whole block (from == 0) as to a read of that size.
  result<void> adopt(block_ref&& filled_block, std::size_t filled, std::size_t from = 0);
  /// Fills `out` with the committed bytes, from the read cursor; returns how many entries were used.
  [[nodiscard]] std::size_t get_bytes(std::span<iovec> out) const noexcept;
  /// The same; each entry of `holds`, as long as `out`, keeps the memory under the one of `out` in place.
  [[nodiscard]] std::size_t get_bytes(std::span<iovec> out, std::span<block_ref> holds) const noexcept;
  /// Skips n bytes and releases: for sent bytes.
  result<void> consume(std::size_t n);

  // --- housekeeping -------------------------------------------------------------------------------------------------
  /// Frees what large blocks hold for few bytes: cuts off pages behind the bytes, and gathers runs of small pieces into
  /// one small block (counted copies). Spans stay valid. Returns bytes freed.
  std::size_t compact() noexcept;
  /// Gives everything back; from then on every call fails with errc::closed.
  void close() noexcept;
  /// Of an empty buffer: positions count on from here, as if so many bytes had gone through it.
  void start_at(std::uint64_t position) noexcept {
    SHOAL_ASSERT(write_at_ == read_at_ && lent_ == 0);
    read_at_ = commit_at_ = write_at_ = position;
    cached_to_ = 0;
  }
  /// The size the next book() will ask for.
  [[nodiscard]] std::size_t book_size() const noexcept { return detail::class_bytes(book_class_); }

 private:
  friend class foreign_slice;
  using segment = detail::segment;
  using block = detail::block;

  template <std::unsigned_integral T, std::endian Order>
  result<T> read_integer();
  template <std::endian Order, std::unsigned_integral T>
  result<void> write_integer(T value);

  [[nodiscard]] std::error_code too_few() const noexcept {
    return make_error_code(closed_ ? errc::closed : errc::not_enough_data);
  }
  // Reading.
  result<bytes> peek_slow(std::size_t n);
  result<bytes> next_slow(std::size_t n);
  result<void> skip_slow(std::size_t n);
  result<bytes> until_slow(char delimiter);
  // Writing.
  result<std::span<std::byte>> malloc_slow(std::size_t n);
  result<void> write_slow(bytes data);
  result<void> append_slow(link_buffer& source);
  result<void> insert(block* b, std::size_t size, std::size_t remain);
  std::size_t gather_pieces() noexcept;
  // Poller.
  result<std::span<std::byte>> book_slow(std::size_t cap, const segment* last);
  result<void> book_ack_slow(std::size_t n);
  void adapt(std::size_t received, std::size_t lent) noexcept;
  std::size_t get_bytes_slow(std::span<iovec> out) const noexcept;
};
static_assert(sizeof(link_buffer) <= 112, "two of them, an operator and the state share 512 bytes of connection");

// --- the paths that stay inside one block; everything else is in the .cpp files --------------------------------------

inline result<link_buffer::bytes> link_buffer::next(std::size_t n) {
  if (n - 1 < len() && n <= read_->size()) [[likely]]  // n == 0 wraps around and goes the slow way
    return lend_front(n);
  return next_slow(n);
}

inline result<link_buffer::bytes> link_buffer::peek(std::size_t n) {
  if (n - 1 < len() && n <= read_->size()) [[likely]] {
    lend();
    return bytes{read_->begin, n};
  }
  return peek_slow(n);
}

inline result<void> link_buffer::skip(std::size_t n) {
  if (n - 1 >= len() || n > read_->size()) [[unlikely]]
    return skip_slow(n);
  drop_front(n);
  return {};
}

inline result<void> link_buffer::consume(std::size_t n) {
  auto skipped = skip(n);
  if (skipped) [[likely]]
    release();
  return skipped;
}

inline result<link_buffer::bytes> link_buffer::until(char delimiter) {
  if (read_ != nullptr) [[likely]] {
    if (const void* hit = std::memchr(read_->begin, delimiter, read_->size())) [[likely]] {
      const auto n = static_cast<std::size_t>(static_cast<const std::byte*>(hit) + 1 - read_->begin);
      if (n <= len()) [[likely]]  // what follows is not committed yet
        return lend_front(n);
    }
  }
  return until_slow(delimiter);
}

template <std::invocable<link_buffer::bytes> F>
result<std::size_t> link_buffer::each_until(char delimiter, F f) {
  if (closed_) return fail(errc::closed);
  std::size_t count = 0;
  while (!empty()) {
    const bytes piece = *pieces().begin();
    const std::byte* begin = piece.data();
    each_place_of(delimiter, begin, begin + piece.size(), [&](const std::byte* place) {
      lend();
      f(bytes{begin, place + 1});
      begin = place + 1;
      ++count;
    });
    if (begin != piece.data()) drop_front(static_cast<std::size_t>(begin - piece.data()));
    // What is left of the piece goes on in the next, or is not complete yet.
    const auto across = until(delimiter);
    if (!across) {
      if (across.error() == errc::not_enough_data) break;
      return fail(across.error());
    }
    f(*across);
    ++count;
  }
  return count;
}

template <std::unsigned_integral T, std::endian Order>
result<T> link_buffer::read_integer() {
  if (sizeof(T) > len()) return fail(too_few());
  T value;
  if (sizeof(T) <= read_->size()) [[likely]] {
    value = load<T, Order>(read_->begin);
    drop_front(sizeof(T));
  } else {
    std::byte gathered[sizeof(T)];
    copy_out(0, gathered);
    value = load<T, Order>(gathered);
    advance(sizeof(T));
  }
  return value;
}

inline result<std::byte> link_buffer::read_byte() {
  const auto value = read_u8();
  if (!value) [[unlikely]]
    return fail(value.error());
  return std::byte{*value};
}

inline link_buffer link_buffer::take_all() noexcept {
  link_buffer out{*slab_};
  if (write_at_ != commit_at_ || !pin_spans()) [[unlikely]] {
    if (auto taken = take(len())) out = std::move(*taken);
    return out;
  }
  out.read_ = read_;
  out.tail_ = tail_;
  out.commit_at_ = out.write_at_ = len();
  forget_chain();
  return out;
}

inline result<std::span<std::byte>> link_buffer::malloc(std::size_t n) {
  if (std::byte* out = grow(n)) [[likely]]
    return std::span{out, n};
  return malloc_slow(n);
}

inline result<void> link_buffer::write_binary(bytes data) {
  if (std::byte* out = grow(data.size())) [[likely]] {
    copy_counted(copied(), out, data.data(), data.size());
    return {};
  }
  return write_slow(data);
}

template <std::endian Order, std::unsigned_integral T>
result<void> link_buffer::write_integer(T value) {
  auto room = malloc(sizeof(T));
  if (!room) [[unlikely]]
    return fail(room.error());
  store<Order>(room->data(), value);
  return {};
}

template <owning_bytes T>
result<void> link_buffer::write_owned(T&& owner) {
  const std::size_t size = std::size(owner);
  if (size > alias_above) return write_direct(std::forward<T>(owner), 0);
  if (auto written = write_binary(std::as_bytes(std::span{std::data(owner), size})); !written) return written;
  [[maybe_unused]] const T taken = std::forward<T>(owner);
  return {};
}

template <owning_bytes T>
result<void> link_buffer::write_direct(T&& owner, std::size_t remain) {
  if (closed_) return fail(errc::closed);
  if (remain > malloc_len()) return fail(errc::invalid_argument);
  const std::size_t size = std::size(owner);
  if (size == 0) return {};
  block* b = detail::keep(*slab_, owner);
  if (b == nullptr) return fail(errc::no_memory);
  auto inserted = insert(b, size, remain);
  if (!inserted) {  // give the owner back before its keeper dies
    owner = std::move(static_cast<detail::kept_bytes<T>*>(b->outside)->value);
    slab::unref(b);
  }
  return inserted;
}

inline result<void> link_buffer::append(link_buffer&& source) {
  if (closed_ || source.read_ == nullptr || source.lent_ != 0 || &source == this || source.slab_ != slab_ ||
      continues_tail(*source.read_)) [[unlikely]]
    return append_slow(source);
  (tail_ == nullptr ? read_ : tail_->next) = source.read_;
  tail_ = source.tail_;
  write_at_ += source.write_at_ - source.read_at_;
  source.forget_chain();
  return {};
}

inline result<std::span<std::byte>> link_buffer::book(std::size_t cap) {
  if (tail_ == nullptr && booked_ == nullptr && !closed_ && cap >= book_size()) [[likely]] {
    if (block* b = slab_->take_block(book_class_)) [[likely]] {
      const std::size_t size = book_size();
      b->filled = static_cast<std::uint32_t>(size);
      booked_ = slab::first_segment(b, b->data, b->data + size);
      return std::span{b->data, size};
    }
  }
  return book_slow(cap, tail_);
}

inline result<std::span<std::byte>> link_buffer::book_behind(const link_buffer& onward, std::size_t cap) {
  if (onward.tail_ == nullptr || tail_ != nullptr || onward.slab_ != slab_) [[likely]]
    return book(cap);
  return book_slow(cap, onward.tail_);
}

inline result<void> link_buffer::book_ack(std::size_t n) {
  segment* s = booked_;
  if (s == nullptr || tail_ != nullptr || n - 1 >= s->size()) [[unlikely]]
    return book_ack_slow(n);
  if (book_class_ != 0 || n == s->size()) adapt(n, s->size());
  s->end = s->begin + n;
  s->owner->filled = static_cast<std::uint32_t>(s->end - s->owner->data);
  booked_ = nullptr;
  read_ = tail_ = s;
  write_at_ += n;
  commit_at_ = write_at_;
  return {};
}

inline std::size_t link_buffer::get_bytes(std::span<iovec> out) const noexcept {
  if (!empty() && len() <= read_->size() && !out.empty()) [[likely]] {
    out[0] = {read_->begin, len()};
    return 1;
  }
  return get_bytes_slow(out);
}

}  // namespace shoal
