// SPDX-License-Identifier: Apache-2.0
// Moving parts of the chain elsewhere.
#include <shoal/buffers/link_buffer.hpp>

namespace shoal {

void link_buffer::close() noexcept {
  drop_all();
  closed_ = true;
}

result<link_buffer> link_buffer::slice(std::size_t n) {
  if (n > len() || closed_) return fail(too_few());
  link_buffer out{*slab_};
  std::size_t left = n;
  for (const segment* s = read_; left > 0; s = s->next) {
    const std::size_t piece = left < s->size() ? left : s->size();
    segment* shared = slab_->share(s->owner, s->begin, s->begin + piece);
    if (shared == nullptr) return fail(errc::no_memory);
    out.link(shared);
    left -= piece;
  }
  out.write_at_ = out.commit_at_ = n;
  advance(n);
  return out;
}

/// Whole segments move; only the block that the cut goes through is shared.
result<link_buffer> link_buffer::take(std::size_t n) {
  if (n > len() || closed_) return fail(too_few());
  link_buffer out{*slab_};
  if (n == 0) return out;
  segment* last = nullptr;  // the last that moves as a whole
  segment* cut = read_;     // the first of which something stays
  std::size_t left = n;
  for (; cut != nullptr && left >= cut->size(); cut = cut->next) {
    left -= cut->size();
    last = cut;
  }
  segment* front = nullptr;
  if (left > 0) {
    SHOAL_ASSERT(cut != nullptr);  // n is at most len()
    front = slab_->share(cut->owner, cut->begin, cut->begin + left);
    if (front == nullptr) return fail(errc::no_memory);
  }
  if (!pin_spans()) {
    if (front != nullptr) slab::drop_segment(front);
    return fail(errc::no_memory);
  }
  if (last != nullptr) {
    out.read_ = read_;
    out.tail_ = last;
    last->next = nullptr;
    read_ = cut;
    if (cut == nullptr) tail_ = nullptr;
  }
  if (front != nullptr) {
    out.link(front);
    cut->begin += left;
  }
  out.write_at_ = out.commit_at_ = n;
  moved_out(n);
  return out;
}

result<void> link_buffer::append_slow(link_buffer& source) {
  if (closed_) return fail(errc::closed);
  if (&source == this || source.read_ == nullptr) return {};
  SHOAL_CHECK(source.slab_ == slab_, "append of another shard's buffer: send it as a foreign_slice");
  if (!source.pin_spans()) return fail(errc::no_memory);
  write_at_ += source.write_at_ - source.read_at_;
  segment* first = source.read_;
  segment* last = source.tail_;
  source.forget_chain();
  if (continues_tail(*first)) {  // one run of bytes again: one entry for the kernel
    tail_->end = first->end;
    segment* rest = first->next;
    slab::drop_segment(first);
    if (rest == nullptr) return {};
    first = rest;
  }
  link(first);
  tail_ = last;
  return {};
}

std::size_t link_buffer::held_bytes() const noexcept {
  std::size_t held = 0;
  const block* previous = nullptr;
  for (const segment* chain : {booked_, read_, kept_}) {
    for (const segment* s = chain; s != nullptr; s = s->next) {
      if (s->owner != previous) held += s->owner->capacity;
      previous = s->owner;
    }
  }
  return held;
}

}  // namespace shoal
