// SPDX-License-Identifier: Apache-2.0
// The chain itself: linking, freeing, moving parts out.
#include <shoal/buffers/link_buffer.hpp>

#include <utility>

namespace shoal {

link_buffer& link_buffer::operator=(link_buffer&& other) noexcept {
  if (this == &other) return *this;
  this->~link_buffer();
  return *::new (this) link_buffer{std::move(other)};
}

void link_buffer::link(segment* s) noexcept {
  if (tail_ == nullptr)
    head_ = read_ = s;
  else
    tail_->next = s;
  tail_ = s;
}

void link_buffer::drop_all() noexcept {
  for (segment* chain : {head_, scratch_}) {
    while (chain != nullptr) {
      segment* next = chain->next;
      slab::drop_segment(chain);
      chain = next;
    }
  }
  if (booked_ != nullptr) slab::unref(booked_);
  forget_all();
}

void link_buffer::close() noexcept {
  drop_all();
  closed_ = true;
}

void link_buffer::release_slow() noexcept {
  while (head_ != read_) {
    segment* next = head_->next;
    slab::drop_segment(head_);
    head_ = next;
  }
  while (scratch_ != nullptr) {
    segment* next = scratch_->next;
    slab::drop_segment(scratch_);
    scratch_ = next;
  }
  cached_ = 0;
  lent_ = false;
  head_at_ = read_at_;
  while (head_ != nullptr && head_->size() == 0) {  // used up; as the tail it would hold a block for its room only
    segment* next = head_->next;
    slab::drop_segment(head_);
    head_ = read_ = next;
  }
  if (head_ == nullptr) tail_ = nullptr;
}

/// After dropping written bytes: an empty buffer keeps no block for its room.
void link_buffer::release_if_empty() noexcept {
  if (read_at_ == write_at_ && !lent_ && head_at_ == read_at_) release_slow();
}

void link_buffer::advance(std::size_t n) noexcept {
  read_at_ += n;
  consumed_cached(n);
  for (;;) {
    const std::size_t step = n < read_->size() ? n : read_->size();
    read_->begin += step;
    n -= step;
    if (n == 0) return;
    read_ = read_->next;
  }
}

link_buffer::segment* link_buffer::share(segment* s, std::byte* begin, std::byte* end, draw from) noexcept {
  segment* shared = slab_->take_segment(s->owner, begin, end, from);
  if (shared != nullptr) ++s->owner->refs;
  return shared;
}

result<link_buffer> link_buffer::slice(std::size_t n) {
  if (n > len() || closed_) return fail(too_few());
  link_buffer out{*slab_};
  if (n == 0) return out;
  std::size_t left = n;
  for (segment* s = read_; left > 0; s = s->next) {
    const std::size_t piece = left < s->size() ? left : s->size();
    if (piece == 0) continue;
    segment* shared = share(s, s->begin, s->begin + piece, draw::normal);
    if (shared == nullptr) return fail(errc::no_memory);
    out.link(shared);
    left -= piece;
  }
  out.write_at_ = out.commit_at_ = n;
  advance(n);
  return out;
}

result<link_buffer> link_buffer::take(std::size_t n) { return take_slow(n, draw::normal); }

/// Whole segments move. Shared are only the piece of a block that spans point into, and the piece before the cut.
result<link_buffer> link_buffer::take_slow(std::size_t n, draw from) {
  if (n > len() || closed_) return fail(too_few());
  link_buffer out{*slab_};
  if (n == 0) return out;
  const bool stays = lent_ || head_ != read_;  // spans may point into the block at the read cursor: it must stay, too
  if (stays)
    while (read_->size() == 0) read_ = read_->next;
  else
    release_slow();

  segment* cut = read_;  // the first segment of which something is left
  segment* last = nullptr;
  std::size_t left = n;
  segment* front = nullptr;
  if (stays) {
    const std::size_t piece = left < cut->size() ? left : cut->size();
    front = share(cut, cut->begin, cut->begin + piece, from);
    if (front == nullptr) return fail(errc::no_memory);
    left -= piece;
    if (left > 0) cut = cut->next;
  }
  for (; left > 0 && left >= cut->size(); cut = cut->next) {
    left -= cut->size();
    last = cut;
  }
  segment* back = nullptr;
  if (left > 0) {
    back = share(cut, cut->begin, cut->begin + left, from);
    if (back == nullptr) {
      if (front != nullptr) slab::drop_segment(front);
      return fail(errc::no_memory);
    }
    cut->begin += left;
  }
  // Nothing fails from here on.
  if (front != nullptr) {
    segment* moved = read_->next;
    read_->begin += front->size();
    out.link(front);
    if (last != nullptr) {
      out.tail_->next = moved;
      out.tail_ = last;
    }
    if (last != nullptr || back != nullptr) read_->next = cut;
    if (last != nullptr && cut == nullptr) tail_ = read_;
  } else {
    if (last != nullptr) {
      out.head_ = out.read_ = read_;
      out.tail_ = last;
    }
    head_ = read_ = cut;
    if (cut == nullptr) tail_ = nullptr;
  }
  if (last != nullptr) last->next = nullptr;
  if (back != nullptr) out.link(back);
  out.write_at_ = out.commit_at_ = n;
  read_at_ += n;
  head_at_ += n;
  consumed_cached(n);
  return out;
}

result<void> link_buffer::append_slow(link_buffer& source) {
  if (closed_) return fail(errc::closed);
  if (&source == this) return {};
  if (source.read_at_ != source.write_at_) {
    const std::uint64_t committed = source.commit_at_;
    source.commit_at_ = source.write_at_;
    auto moved = source.take_slow(source.len(), draw::reserve);
    if (!moved) {
      source.commit_at_ = committed;
      return fail(moved.error());
    }
    return append(std::move(*moved));
  }
  if (!source.lent_) source.release_slow();
  return {};
}

std::size_t link_buffer::held_bytes() const noexcept {
  std::size_t held = booked_ != nullptr ? booked_->capacity : 0;
  const block* previous = booked_;
  for (const segment* chain : {head_, scratch_}) {
    for (const segment* s = chain; s != nullptr; s = s->next) {
      if (s->owner != previous) held += s->owner->capacity;
      previous = s->owner;
    }
  }
  return held;
}

}  // namespace shoal
