// SPDX-License-Identifier: Apache-2.0
// The paths of link_buffer that stay inside one block; everything else is in the .cpp files. Included by
// link_buffer.hpp.
#pragma once

#include <shoal/buffers/link_buffer.hpp>

#include <utility>

namespace shoal {

inline link_buffer::~link_buffer() {
  if (head_ != nullptr || scratch_ != nullptr || booked_ != nullptr) [[unlikely]]
    drop_all();
}

inline link_buffer::link_buffer(link_buffer&& other) noexcept
    : slab_{other.slab_},
      head_{other.head_},
      read_{other.read_},
      tail_{other.tail_},
      scratch_{other.scratch_},
      booked_{other.booked_},
      head_at_{other.head_at_},
      read_at_{other.read_at_},
      commit_at_{other.commit_at_},
      write_at_{other.write_at_},
      cached_{other.cached_},
      booked_bytes_{other.booked_bytes_},
      book_class_{other.book_class_},
      small_reads_{other.small_reads_},
      lent_{other.lent_},
      closed_{other.closed_} {
  other.forget_all();
}

/// Leaves an empty, open buffer without freeing anything: the chain is somebody else's now.
inline void link_buffer::forget_all() noexcept {
  head_ = read_ = tail_ = scratch_ = nullptr;
  booked_ = nullptr;
  head_at_ = read_at_ = commit_at_ = write_at_;
  cached_ = 0;
  lent_ = closed_ = false;
}

// --- reading --------------------------------------------------------------------------------------------------------

inline result<link_buffer::bytes> link_buffer::next(std::size_t n) {
  if (n - 1 < len() && n <= read_->size()) [[likely]] {  // n == 0 wraps around and goes the slow way
    const bytes out{read_->begin, n};
    read_->begin += n;
    read_at_ += n;
    lent_ = true;
    consumed_cached(n);
    return out;
  }
  return next_slow(n);
}

inline result<link_buffer::bytes> link_buffer::peek(std::size_t n) {
  if (n - 1 < len() && n <= read_->size()) [[likely]] {
    lent_ = true;
    return bytes{read_->begin, n};
  }
  return peek_slow(n);
}

inline result<void> link_buffer::skip(std::size_t n) {
  if (n > len()) [[unlikely]]
    return fail(too_few());
  if (n == 0) return closed_ ? result<void>{fail(errc::closed)} : result<void>{};
  if (n <= read_->size()) [[likely]] {
    read_->begin += n;
    read_at_ += n;
    consumed_cached(n);
  } else {
    advance(n);
  }
  return {};
}

template <std::unsigned_integral T, std::endian Order>
result<T> link_buffer::read_integer() {
  if (sizeof(T) > len()) return fail(too_few());
  T value;
  if (sizeof(T) <= read_->size()) [[likely]] {
    value = load<T, Order>(read_->begin);
    read_->begin += sizeof(T);
    read_at_ += sizeof(T);
    consumed_cached(sizeof(T));
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
  if (!lent_ && head_ == read_ && write_at_ == commit_at_) [[likely]] {
    link_buffer out{*slab_, head_, tail_, len()};
    head_ = read_ = tail_ = nullptr;
    head_at_ = read_at_ = write_at_;
    return out;
  }
  auto out = take_slow(len(), draw::reserve);
  return out ? std::move(*out) : link_buffer{*slab_};
}

// --- writing --------------------------------------------------------------------------------------------------------

inline result<std::span<std::byte>> link_buffer::malloc(std::size_t n) {
  if (tail_ != nullptr) [[likely]] {
    block* b = tail_->owner;
    if (n <= b->room() && tail_->end == b->room_begin()) [[likely]] {
      const std::span<std::byte> out{tail_->end, n};
      tail_->end += n;
      b->filled += static_cast<std::uint32_t>(n);
      write_at_ += n;
      return out;
    }
  }
  return malloc_slow(n);
}

inline result<void> link_buffer::write_string(std::string_view text) {
  return write_binary(std::as_bytes(std::span{text}));
}

template <std::endian Order, std::unsigned_integral T>
result<void> link_buffer::write_integer(T value) {
  auto room = malloc(sizeof(T));
  if (!room) [[unlikely]]
    return fail(room.error());
  store<Order>(room->data(), value);
  return {};
}

inline result<void> link_buffer::write_byte(std::byte value) { return write_u8(std::to_integer<std::uint8_t>(value)); }

template <owning_bytes T>
result<void> link_buffer::write_owned(T&& owner) {
  const std::size_t size = std::ranges::size(owner);
  if (size > alias_above) return write_direct(std::move(owner), 0);
  if (auto written = write_binary(std::as_bytes(std::span{std::ranges::data(owner), size})); !written) return written;
  [[maybe_unused]] const T taken = std::move(owner);
  return {};
}

template <owning_bytes T>
result<void> link_buffer::write_direct(T&& owner, std::size_t remain) {
  if (closed_) return fail(errc::closed);
  if (remain > malloc_len()) return fail(errc::invalid_argument);
  const std::size_t size = std::ranges::size(owner);
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
  if (closed_ || source.lent_ || source.head_ != source.read_ || source.read_at_ == source.write_at_ || &source == this)
      [[unlikely]]
    return append_slow(source);
  SHOAL_ASSERT(source.slab_ == slab_);
  if (tail_ == nullptr)
    head_ = read_ = source.head_;
  else
    tail_->next = source.head_;
  tail_ = source.tail_;
  write_at_ += source.write_at_ - source.read_at_;
  source.head_ = source.read_ = source.tail_ = nullptr;
  source.head_at_ = source.read_at_ = source.commit_at_ = source.write_at_;
  return {};
}

// --- the poller's side ----------------------------------------------------------------------------------------------

inline result<void> link_buffer::consume(std::size_t n) {
  if (n - 1 < len() && n < read_->size() && head_ == read_ && !lent_) [[likely]] {
    read_->begin += n;
    read_at_ += n;
    head_at_ = read_at_;
    return {};
  }
  return consume_slow(n);
}

}  // namespace shoal
