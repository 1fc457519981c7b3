// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/block_pool.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/buffers/poison.hpp>

#include <bit>
#include <new>

namespace shoal::detail {

block_pool::block_pool() noexcept {
  block** base = slots_.data();
  for (unsigned size_class = 0; size_class < arena_classes; ++size_class) {
    recent_[size_class] = {base, base, base};
    base += recent_depth(size_class);
  }
  open_stacks();
}

// --- the buddy system -----------------------------------------------------------------------------------------------

void block_pool::insert_free(block* b, unsigned size_class) noexcept {
  b->state = block_state::free;
  b->size_class = static_cast<std::uint8_t>(size_class);
  free_[size_class].push_front(*b);
  nonempty_ |= 1U << size_class;
}

void block_pool::remove_free(block* b) noexcept {
  block_list& list = free_[b->size_class];
  list.erase(list.iterator_to(*b));
  if (list.empty()) nonempty_ &= ~(1U << b->size_class);
}

block* block_pool::cut(unsigned size_class) noexcept {
  SHOAL_ASSERT(size_class < arena_classes);
  const unsigned fitting = nonempty_ & ~0U << size_class;
  if (fitting == 0) return nullptr;
  auto found = static_cast<unsigned>(std::countr_zero(fitting));
  block* b = &free_[found].front();
  remove_free(b);
  arena* a = arena_of(b);
  const unsigned page = a->page_of(b);
  while (found > size_class) {  // give back the upper half until the rest is small enough
    --found;
    insert_free(a->head(page + (1U << found)), found);
  }
  a->free_pages -= 1U << size_class;
  ++blocks_out_[size_class];
  bytes_out_ += class_bytes(size_class);
  b->prepare(a->base() + page * page_bytes, class_bytes(size_class), size_class, block_state::used);
  return b;
}

void block_pool::merge(block* b) noexcept {
  SHOAL_CHECK(b->state == block_state::used, "slab block freed twice");
  arena* a = arena_of(b);
  unsigned page = a->page_of(b);
  unsigned size_class = b->size_class;
  a->free_pages += 1U << size_class;
  --blocks_out_[size_class];
  bytes_out_ -= class_bytes(size_class);
  b->state = block_state::interior;
  while (size_class + 1 < arena_classes) {
    block* buddy = a->head(page ^ 1U << size_class);
    if (buddy->state != block_state::free || buddy->size_class != size_class) break;
    remove_free(buddy);
    buddy->state = block_state::interior;
    page &= ~(1U << size_class);
    ++size_class;
  }
  insert_free(a->head(page), size_class);
  if (a->free_pages == usable_pages) a->empty_since = trims_;
}

void block_pool::shrink(block* b, unsigned size_class) noexcept {
  arena* a = arena_of(b);
  const unsigned page = a->page_of(b);
  unsigned old_class = b->size_class;
  const std::size_t old_bytes = class_bytes(old_class);
  SHOAL_ASSERT(b->state == block_state::used && size_class < old_class);
  --blocks_out_[old_class];
  ++blocks_out_[size_class];
  bytes_out_ -= old_bytes - class_bytes(size_class);
  a->free_pages += (1U << old_class) - (1U << size_class);
  while (old_class > size_class) {
    --old_class;
    insert_free(a->head(page + (1U << old_class)), old_class);  // its buddy is this block: nothing to merge with
  }
  b->size_class = static_cast<std::uint8_t>(size_class);
  b->capacity = static_cast<std::uint32_t>(class_bytes(size_class));
  poison(b->data + b->capacity, old_bytes - b->capacity);
}

// --- the stacks -----------------------------------------------------------------------------------------------------

void block_pool::merge_some(unsigned size_class, std::size_t count) noexcept {
  for (; count > 0; --count) merge(*--recent_[size_class].top);
}

void block_pool::merge_half(unsigned size_class) noexcept {
  const stack& s = recent_[size_class];
  merge_some(size_class, static_cast<std::size_t>(s.top - s.base + 1) / 2);
}

void block_pool::merge_all() noexcept {
  for (unsigned size_class = 0; size_class < arena_classes; ++size_class)
    merge_some(size_class, static_cast<std::size_t>(recent_[size_class].top - recent_[size_class].base));
}

void block_pool::close_stacks() noexcept {
  merge_all();
  for (stack& s : recent_) s.end = s.base;
}

void block_pool::open_stacks() noexcept {
  for (unsigned size_class = 0; size_class < arena_classes; ++size_class)
    recent_[size_class].end = recent_[size_class].base + recent_depth(size_class);
}

// --- arenas ---------------------------------------------------------------------------------------------------------

void block_pool::add_arena(std::byte* memory, slab& home) noexcept {
  // Fresh memory is zero, and zero is block_state::interior: heads are touched only when their pages are.
  auto* a = ::new (memory + sizeof(block)) arena;
  SHOAL_CHECK(arena_of(memory) == a, "arena not aligned");
  a->home = &home;
  a->empty_since = trims_;
  arenas_.push_back(*a);
  poison(memory + head_pages * page_bytes, usable_bytes);
  // Page 0 never is free, so the rest is one block each of 8, 16, ... 256 pages, each aligned to its size.
  for (unsigned page = head_pages; page < arena_pages; page *= 2)
    insert_free(a->head(page), static_cast<unsigned>(std::countr_zero(page)));
}

void block_pool::retire(arena& a) noexcept {
  for (unsigned page = head_pages; page < arena_pages; page *= 2) remove_free(a.head(page));
  arenas_.erase(arenas_.iterator_to(a));
  unmap_memory(a.base(), arena_bytes);
}

std::size_t block_pool::trim() noexcept {
  for (unsigned size_class = 0; size_class < arena_classes; ++size_class) merge_half(size_class);
  std::size_t unmapped = 0;
  for (auto it = arenas_.begin(); it != arenas_.end();) {
    arena& a = *it++;
    if (a.free_pages != usable_pages || a.empty_since == trims_) continue;
    retire(a);
    unmapped += arena_bytes;
  }
  ++trims_;
  return unmapped;
}

std::size_t block_pool::unmap_empty() noexcept {
  std::size_t unmapped = 0;
  for (auto it = arenas_.begin(); it != arenas_.end();) {
    arena& a = *it++;
    if (a.free_pages != usable_pages) continue;
    retire(a);
    unmapped += arena_bytes;
  }
  return unmapped;
}

void block_pool::unmap_all() noexcept {
  for (auto it = arenas_.begin(); it != arenas_.end();) {
    arena& a = *it++;
    unmap_memory(a.base(), arena_bytes);
  }
  arenas_.clear();
}

}  // namespace shoal::detail
