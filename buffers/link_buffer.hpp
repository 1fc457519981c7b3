// SPDX-License-Identifier: Apache-2.0
// A chain of slab blocks with four cursors: bytes come in at one end, are read in place, and leave at the other,
// uncopied.
//
//  head          read              commit        write
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
//   meanwhile. Inside
//      one block it aliases the block; across blocks the bytes are copied once, into a block that release() gives back.
//   3. What is written becomes readable at commit(). A span from malloc() stays valid until commit().
//   4. Empty, after release(), it holds no block.
//   5. A failed call changes nothing, errc::no_memory included. After close() every call fails with errc::closed.
//   6. bytes_copied of the slab counts every byte copied here; slice(), take(), append() and adopt() copy none.
#pragma once

#include <shoal/buffers/block_ref.hpp>
#include <shoal/buffers/copy.hpp>
#include <shoal/buffers/endian.hpp>
#include <shoal/buffers/errc.hpp>
#include <shoal/buffers/owned_bytes.hpp>
#include <shoal/buffers/pieces.hpp>
#include <shoal/buffers/slab.hpp>

#include <sys/uio.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

class foreign_slice;

class link_buffer {
 public:
  using bytes = std::span<const std::byte>;
  static constexpr std::size_t npos = std::numeric_limits<std::size_t>::max();
  /// Longest contiguous span, in bytes: the largest block.
  static constexpr std::size_t max_contiguous = detail::class_bytes(detail::block_classes - 1);
  /// write_owned() copies up to this many bytes: below, a head and an iovec of its own cost more than the copy.
  static constexpr std::size_t alias_above = 4096;

  explicit link_buffer(slab& home) noexcept : slab_{&home} {}
  /// The source is left empty, open and usable.
  link_buffer(link_buffer&& other) noexcept;
  link_buffer& operator=(link_buffer&& other) noexcept;
  ~link_buffer();

  // --- state --------------------------------------------------------------------------------------------------------
  [[nodiscard]] std::size_t len() const noexcept { return commit_at_ - read_at_; }
  [[nodiscard]] bool empty() const noexcept { return commit_at_ == read_at_; }
  [[nodiscard]] std::size_t malloc_len() const noexcept { return write_at_ - commit_at_; }
  /// Bytes consumed whose blocks wait for release().
  [[nodiscard]] std::size_t unreleased() const noexcept { return read_at_ - head_at_; }
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

  /// The next n bytes, shared: they stay readable through the slice as long as it lives, and count as consumed here.
  [[nodiscard]] result<link_buffer> slice(std::size_t n);
  /// The next n bytes, moved out: whole blocks change hands without touching a count. Nothing of them stays behind,
  /// except blocks into which unreleased spans point.
  [[nodiscard]] result<link_buffer> take(std::size_t n);
  /// All committed bytes, moved out. Closed or (with spans out and the reserve exhausted, too) out of memory, the
  /// result is empty and the bytes stay.
  [[nodiscard]] link_buffer take_all() noexcept;
  /// Ends the validity of all spans handed out and frees the blocks of consumed bytes.
  void release() noexcept {
    if (lent_ || read_at_ != head_at_) release_slow();
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
  result<void> write_string(std::string_view text);
  result<void> write_binary(bytes data);
  result<void> write_byte(std::byte value);
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

  // --- the poller's side -------------------------------------------------------------------------------------------
  /// Space to receive into, at most `cap` bytes. A tail block's room comes first if it is at least a quarter of the
  /// adaptive size; else a new block of that size, or of what memory allows. The size starts at 4 KiB, doubles when a
  /// read fills it, up to 8 MiB or `cap`, and halves after two reads in a row of at most a quarter.
  [[nodiscard]] result<std::span<std::byte>> book(std::size_t cap = npos);
  /// The first n bytes of the booked space are received and readable; 0 cancels. Ends the booking.
  result<void> book_ack(std::size_t n);
  /// A reference to the block under the booking, so that it outlives this buffer while the kernel writes into it.
  [[nodiscard]] block_ref booked_block() const noexcept;
  /// Appends bytes [from, from + filled) of a block that was filled elsewhere, readable at once.
  result<void> adopt(block_ref&& filled_block, std::size_t filled, std::size_t from = 0);
  /// Fills `out` with the committed bytes, from the read cursor; returns how many entries were used.
  [[nodiscard]] std::size_t get_bytes(std::span<iovec> out) const noexcept;
  /// Skips n bytes and frees their blocks at once: for sent bytes.
  result<void> consume(std::size_t n);

  // --- housekeeping -------------------------------------------------------------------------------------------------
  /// Frees large blocks that hold few bytes by moving these (counted copies) into small ones. Returns bytes freed.
  std::size_t compact() noexcept;
  /// Gives everything back; from then on every call fails with errc::closed.
  void close() noexcept;
  /// The size the next book() will ask for.
  [[nodiscard]] std::size_t book_size() const noexcept { return detail::class_bytes(book_class_); }

 private:
  friend class foreign_slice;
  using segment = detail::segment;
  using block = detail::block;

  /// Takes over the chain, `size` bytes, all committed.
  link_buffer(slab& home, segment* first, segment* last, std::size_t size) noexcept
      : slab_{&home}, head_{first}, read_{first}, tail_{last}, commit_at_{size}, write_at_{size} {}

  template <std::unsigned_integral T, std::endian Order>
  result<T> read_integer();
  template <std::endian Order, std::unsigned_integral T>
  result<void> write_integer(T value);

  [[nodiscard]] std::error_code too_few() const noexcept {
    return make_error_code(closed_ ? errc::closed : errc::not_enough_data);
  }
  void forget_all() noexcept;
  void drop_all() noexcept;
  void release_slow() noexcept;
  void release_if_empty() noexcept;
  void advance(std::size_t n) noexcept;
  void consumed_cached(std::size_t n) noexcept { cached_ -= n < cached_ ? static_cast<std::uint32_t>(n) : cached_; }
  result<bytes> peek_slow(std::size_t n);
  result<bytes> next_slow(std::size_t n);
  result<bytes> gather(std::size_t n);
  result<link_buffer> take_slow(std::size_t n, draw from);
  result<std::span<std::byte>> malloc_slow(std::size_t n);
  result<void> append_slow(link_buffer& source);
  result<void> consume_slow(std::size_t n);
  result<void> insert(block* b, std::size_t size, std::size_t remain);
  [[nodiscard]] segment* share(segment* s, std::byte* begin, std::byte* end, draw from) noexcept;
  void link(segment* s) noexcept;
  void adapt(std::size_t received) noexcept;
  [[nodiscard]] std::uint64_t& copied() const noexcept { return slab_->bytes_copied(); }

  slab* slab_;
  segment* head_ = nullptr;     ///< first one not released
  segment* read_ = nullptr;     ///< where reading goes on; may be used up while more follow
  segment* tail_ = nullptr;     ///< all three are null together
  segment* scratch_ = nullptr;  ///< blocks with bytes gathered across blocks, the latest first
  block* booked_ = nullptr;     ///< under a booking, with a reference of its own
  std::uint64_t head_at_ = 0;   ///< positions count bytes since the beginning: head <= read <= commit <= write
  std::uint64_t read_at_ = 0;
  std::uint64_t commit_at_ = 0;
  std::uint64_t write_at_ = 0;
  std::uint32_t cached_ = 0;  ///< so many bytes at the end of scratch_ are the next to read
  std::uint32_t booked_bytes_ = 0;
  std::uint8_t book_class_ = 0;
  std::uint8_t small_reads_ = 0;
  bool lent_ = false;  ///< spans may be out
  bool closed_ = false;
};
static_assert(sizeof(link_buffer) <= 112, "two of them, an operator and the state share 512 bytes of connection");

}  // namespace shoal

#include <shoal/buffers/link_buffer_inline.hpp>
