// SPDX-License-Identifier: Apache-2.0
// The poller's side: space to receive into, blocks filled elsewhere, pieces to send.
#include <shoal/buffers/link_buffer.hpp>

#include <algorithm>

namespace shoal {

result<std::span<std::byte>> link_buffer::book(std::size_t cap) {
  if (closed_) return fail(errc::closed);
  if (cap == 0) return fail(errc::invalid_argument);
  if (booked_ != nullptr) return fail(errc::concurrent_access);
  const std::size_t wanted = std::min(book_size(), cap);
  block* b = tail_ != nullptr && tail_->end == tail_->owner->room_begin() ? tail_->owner : nullptr;
  if (b != nullptr && b->room() > 0 && b->room() >= wanted / 4) {
    ++b->refs;
  } else {
    unsigned size_class = detail::class_for(wanted);
    while ((b = slab_->take_block(size_class)) == nullptr) {
      if (size_class == 0) return fail(errc::no_memory);
      --size_class;
    }
  }
  // The booked bytes count as filled from now on, so that nobody who shares the block grows into them.
  const std::span<std::byte> out{b->room_begin(), std::min(b->room(), cap)};
  b->filled += static_cast<std::uint32_t>(out.size());
  booked_ = b;
  booked_bytes_ = static_cast<std::uint32_t>(out.size());
  return out;
}

result<void> link_buffer::book_ack(std::size_t n) {
  if (closed_) return fail(errc::closed);
  if (booked_ == nullptr || n > booked_bytes_) return fail(errc::invalid_argument);
  block* b = booked_;
  std::byte* begin = b->room_begin() - booked_bytes_;
  // What was not filled is room again; nobody can have grown behind it, because nobody's bytes end at `filled`.
  b->filled -= static_cast<std::uint32_t>(booked_bytes_ - n);
  booked_ = nullptr;
  if (n == 0) {
    slab::unref(b);
    return {};
  }
  adapt(n);
  if (tail_ != nullptr && tail_->owner == b && tail_->end == begin) {
    tail_->end += n;
    slab::unref(b);
  } else {
    segment* s = slab_->take_segment(b, begin, begin + n, draw::reserve);
    if (s == nullptr) {
      slab::unref(b);
      return fail(errc::no_memory);
    }
    link(s);
  }
  write_at_ += n;
  commit_at_ = write_at_;
  return {};
}

void link_buffer::adapt(std::size_t received) noexcept {
  const std::size_t size = book_size();
  if (received == booked_bytes_) {
    small_reads_ = 0;
    if (received >= size && book_class_ + 1U < detail::block_classes) ++book_class_;
  } else if (received <= size / 4 && book_class_ > 0) {
    if (++small_reads_ == 2) {
      small_reads_ = 0;
      --book_class_;
    }
  } else {
    small_reads_ = 0;
  }
}

block_ref link_buffer::booked_block() const noexcept {
  if (booked_ == nullptr) return {};
  ++booked_->refs;
  return block_ref{booked_};
}

result<void> link_buffer::adopt(block_ref&& filled_block, std::size_t filled, std::size_t from) {
  if (closed_) return fail(errc::closed);
  if (!filled_block || from > filled_block.capacity() || filled > filled_block.capacity() - from)
    return fail(errc::invalid_argument);
  if (filled == 0) {
    block_ref{std::move(filled_block)};
    return {};
  }
  std::byte* begin = filled_block.data() + from;
  segment* s = slab_->take_segment(filled_block.get(), begin, begin + filled, draw::reserve);
  if (s == nullptr) return fail(errc::no_memory);
  block* b = filled_block.release();
  b->filled = std::max(b->filled, static_cast<std::uint32_t>(from + filled));
  link(s);
  write_at_ += filled;
  commit_at_ = write_at_;
  return {};
}

std::size_t link_buffer::get_bytes(std::span<iovec> out) const noexcept {
  std::size_t used = 0;
  for (auto it = pieces().begin(); used < out.size() && it != std::default_sentinel; ++it) {
    const bytes piece = *it;
    out[used++] = {const_cast<std::byte*>(piece.data()), piece.size()};  // the kernel's type knows no const
  }
  return used;
}

result<void> link_buffer::consume_slow(std::size_t n) {
  if (auto skipped = skip(n); !skipped) return skipped;
  release();
  return {};
}

}  // namespace shoal
