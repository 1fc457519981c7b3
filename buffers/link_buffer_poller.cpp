// SPDX-License-Identifier: Apache-2.0
// The poller's side: space to receive into, blocks filled elsewhere, pieces to send.
#include <shoal/buffers/link_buffer.hpp>

#include <algorithm>

namespace shoal {

/// `last` is the segment whose block may have room behind it.
result<std::span<std::byte>> link_buffer::book_slow(std::size_t cap, const segment* last) {
  if (closed_) return fail(errc::closed);
  if (cap == 0) return fail(errc::invalid_argument);
  if (booked_ != nullptr) return fail(errc::concurrent_access);
  const std::size_t wanted = std::min(book_size(), cap);
  const bool has_room = last != nullptr && last->end == last->owner->room_begin() && last->owner->room() > 0;
  if (has_room && last->owner->room() >= wanted / 4) {
    booked_ = slab_->share(last->owner, last->end, last->end + std::min(last->owner->room(), cap));
    if (booked_ == nullptr) return fail(errc::no_memory);
  } else {
    unsigned size_class = detail::class_for(wanted);
    block* b = nullptr;
    while ((b = slab_->take_block(size_class)) == nullptr) {
      if (size_class == 0) return fail(errc::no_memory);
      --size_class;
    }
    booked_ = slab::first_segment(b, b->data, b->data + std::min(b->room(), cap));
  }
  // The booked bytes count as filled from now on, so that nobody who shares the block grows into them.
  booked_->owner->filled += static_cast<std::uint32_t>(booked_->size());
  return std::span{booked_->begin, booked_->size()};
}

result<void> link_buffer::book_ack_slow(std::size_t n) {
  if (closed_) return fail(errc::closed);
  segment* s = booked_;
  if (s == nullptr || n > s->size()) return fail(errc::invalid_argument);
  booked_ = nullptr;
  if (n > 0) adapt(n, s->size());
  // What was not filled is room again; nobody can have grown behind it, because nobody's bytes end at `filled`.
  s->end = s->begin + n;
  s->owner->filled = static_cast<std::uint32_t>(s->end - s->owner->data);
  if (n > 0 && !continues_tail(*s)) {
    link(s);
  } else {
    if (n > 0) tail_->end = s->end;
    slab::drop_segment(s);
  }
  write_at_ += n;
  if (n > 0) commit_at_ = write_at_;
  return {};
}

void link_buffer::adapt(std::size_t received, std::size_t lent) noexcept {
  const std::size_t size = book_size();
  if (received == lent) {
    small_reads_ = 0;
    if (received >= size && book_class_ + 1U < detail::block_classes) ++book_class_;
  } else if (received > std::min(size, lent) / 4) {  // less was lent than the size: a tail's room, or the caller's cap
    small_reads_ = 0;
  } else if (book_class_ > 0 && ++small_reads_ == 2) {
    small_reads_ = 0;
    --book_class_;
  }
}

block_ref link_buffer::booked_block() const noexcept {
  if (booked_ == nullptr) return {};
  booked_->owner->own_free = false;
  ++booked_->owner->refs;
  return block_ref{booked_->owner};
}

result<void> link_buffer::adopt(block_ref&& filled_block, std::size_t filled, std::size_t from) {
  if (closed_) return fail(errc::closed);
  if (!filled_block || from > filled_block.capacity() || filled > filled_block.capacity() - from)
    return fail(errc::invalid_argument);
  block* b = filled_block.get();
  if (filled > 0) {
    if (from == 0) adapt(filled, b->capacity);
    std::byte* begin = b->data + from;
    if (b->own_free) {
      b->own_free = false;
      ++b->refs;
      link(slab::first_segment(b, begin, begin + filled));
    } else {
      segment* s = slab_->share(b, begin, begin + filled, draw::reserve);
      if (s == nullptr) return fail(errc::no_memory);
      link(s);
    }
    b->filled = std::max(b->filled, static_cast<std::uint32_t>(from + filled));
    write_at_ += filled;
    commit_at_ = write_at_;
  }
  [[maybe_unused]] const block_ref taken = std::move(filled_block);
  return {};
}

std::size_t link_buffer::get_bytes_slow(std::span<iovec> out) const noexcept {
  std::size_t used = 0;
  for (auto it = pieces().begin(); used < out.size() && it != std::default_sentinel; ++it) {
    const bytes piece = *it;
    out[used++] = {const_cast<std::byte*>(piece.data()), piece.size()};  // the kernel's type knows no const
  }
  return used;
}

std::size_t link_buffer::get_bytes(std::span<iovec> out, std::span<block_ref> holds) const noexcept {
  SHOAL_ASSERT(holds.size() >= out.size());
  const std::size_t used = get_bytes(out);
  const segment* s = read_;
  for (std::size_t i = 0; i < used; ++i, s = s->next) {
    s->owner->own_free = false;
    ++s->owner->refs;
    holds[i] = block_ref{s->owner};
  }
  return used;
}

}  // namespace shoal
