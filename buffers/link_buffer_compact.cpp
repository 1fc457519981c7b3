// SPDX-License-Identifier: Apache-2.0
// compact(): large blocks that hold few bytes. For connections that stay slow, and for a shard under pressure.
#include <shoal/buffers/link_buffer.hpp>

#include <algorithm>
#include <utility>

namespace shoal {

namespace {

/// Pieces are gathered up to this many bytes: one more block of this size can be had even when memory is short.
constexpr std::size_t longest_run = std::size_t{64} << 10;

/// Copying the piece out of its block frees the block, and is little work for what it frees.
bool worth_gathering(const detail::segment& s) noexcept {
  const detail::block& b = *s.owner;
  return b.refs == 1 && b.state != detail::block_state::external && s.size() <= b.capacity / 4;
}

/// Cuts off the pages behind the last byte of a block that nobody shares. Returns bytes freed.
std::size_t cut_off_room(slab& home, detail::segment& s) noexcept {
  detail::block& b = *s.owner;
  if (b.refs != 1 || b.state != detail::block_state::used) return 0;
  b.filled = static_cast<std::uint32_t>(s.end - b.data);
  const std::size_t before = b.capacity;
  const unsigned needed = detail::class_for(b.filled);
  if (needed < b.size_class) home.shrink(b, needed);
  return before - b.capacity;
}

}  // namespace

std::size_t link_buffer::compact() noexcept {
  std::size_t freed = 0;
  for (segment* chain : {read_, kept_})
    for (segment* s = chain; s != nullptr; s = s->next) freed += cut_off_room(*slab_, *s);
  return freed + gather_pieces();
}

/// Replaces runs of small pieces by one block each. Left alone: the first segment while spans may point into it, and
/// what is not committed, because the spans of malloc() do.
std::size_t link_buffer::gather_pieces() noexcept {
  std::size_t freed = 0;
  std::size_t committed = len();
  segment** at = &read_;
  const auto step_over = [&committed, &at] {
    committed -= std::min(committed, (*at)->size());
    at = &(*at)->next;
  };
  if (lent_ != 0 && read_ != nullptr) step_over();
  while (*at != nullptr) {
    std::size_t run = 0;
    std::size_t held = 0;
    segment* end = *at;
    for (; end != nullptr && worth_gathering(*end); end = end->next) {
      if (run + end->size() > std::min(committed, longest_run)) break;
      run += end->size();
      held += end->owner->capacity;
    }
    const unsigned needed = detail::class_for(run);
    block* b = run > 0 && detail::class_bytes(needed) < held ? slab_->take_block(needed) : nullptr;
    if (b == nullptr) {
      step_over();
      continue;
    }
    for (const segment* s = *at; s != end; s = s->next) {
      copy_counted(copied(), b->room_begin(), s->begin, s->size());
      b->filled += static_cast<std::uint32_t>(s->size());
    }
    segment* fresh = slab::first_segment(b, b->data, b->room_begin());
    for (segment* s = std::exchange(*at, fresh); s != end;) slab::drop_segment(std::exchange(s, s->next));
    fresh->next = end;
    if (end == nullptr) tail_ = fresh;
    freed += held - b->capacity;
    committed -= run;
    at = &fresh->next;
  }
  return freed;
}

}  // namespace shoal
