// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/mapped_blocks.hpp>

#include <shoal/buffers/poison.hpp>

#include <algorithm>

namespace shoal::detail {

block* mapped_blocks::take_cached(unsigned size_class) noexcept {
  block* b = pop(size_class);
  if (b != nullptr) ++in_use_[size_class - arena_classes];
  return b;
}

block* mapped_blocks::pop(unsigned size_class) noexcept {
  block_list& list = cached_[size_class - arena_classes];
  if (list.empty()) return nullptr;
  block* b = &list.front();
  list.pop_front();
  cached_bytes_ -= class_bytes(size_class);
  stale_ = std::min(stale_, --cached_count_);
  b->prepare(b->data, class_bytes(size_class), size_class, block_state::mapped);
  return b;
}

bool mapped_blocks::map(block* head, unsigned size_class, bool huge_pages) noexcept {
  std::byte* memory = map_memory(class_bytes(size_class), huge_pages);
  if (memory == nullptr) return false;
  head->prepare(memory, class_bytes(size_class), size_class, block_state::mapped);
  ++in_use_[size_class - arena_classes];
  bytes_held_ += class_bytes(size_class);
  return true;
}

void mapped_blocks::unmap(block* b) noexcept {
  bytes_held_ -= class_bytes(b->size_class);
  unmap_memory(b->data, class_bytes(b->size_class));
}

bool mapped_blocks::give(block* b) noexcept {
  const std::size_t bytes = class_bytes(b->size_class);
  --in_use_[b->size_class - arena_classes];
  if (cached_bytes_ + bytes > cache_limit_) {
    unmap(b);
    return true;
  }
  poison(b->data, bytes);
  cached_[b->size_class - arena_classes].push_front(*b);
  cached_bytes_ += bytes;
  ++cached_count_;
  return false;
}

block* mapped_blocks::evict() noexcept {
  for (unsigned size_class = arena_classes; size_class < block_classes; ++size_class) {
    if (block* b = pop(size_class)) {
      unmap(b);
      return b;
    }
  }
  return nullptr;
}

void mapped_blocks::unmap_all() noexcept {
  for (block_list& list : cached_)
    for (block& b : list) unmap_memory(b.data, class_bytes(b.size_class));
}

}  // namespace shoal::detail
