// SPDX-License-Identifier: Apache-2.0
// How memory comes home from other threads, and how a slab ends.
#include <shoal/buffers/foreign_slice.hpp>
#include <shoal/buffers/slab.hpp>

#include <new>

namespace shoal {

using detail::returned;

void slab::node_departs(void* node) noexcept {
  slab* home = detail::arena_of(node)->home;
  home->assert_owner();
  ++home->counters_.foreign_out;
}

void slab::free_node_from_afar(void* node, std::size_t bytes) noexcept {
  slab* home = detail::arena_of(node)->home;
  home->give_back(::new (node) returned{nullptr, bytes});
}

void slab::give_back(returned* entry) noexcept {
  if (!returns_.push(entry)) return;
  drain_returns_slow();  // the owner is gone and this was the last: nobody else touches the slab any more
  destroy();
}

std::size_t slab::drain_returns_slow() noexcept {
  std::size_t count = 0;
  for (returned* entry = returns_.take_all(); entry != nullptr; ++count) {
    returned* next = entry->next;
    take_back(entry);
    entry = next;
  }
  return count;
}

void slab::take_back(returned* entry) noexcept {
  --counters_.foreign_out;
  ++counters_.foreign_returned;
  if (entry->node_bytes != 0) {
    free_node(entry, entry->node_bytes);
    return;
  }
  auto* departed = static_cast<detail::departed_slice*>(entry);
  for (detail::segment* s = departed->first; s != nullptr;) {
    detail::segment* next = s->next;
    drop_segment(s);
    s = next;
  }
  free_node(departed, sizeof(detail::departed_slice));
}

void slab::close() noexcept {
  assert_owner();
  thread_ = {};  // whoever returns last ends the slab, on any thread
  watcher_ = nullptr;
  for (returned* entry = returns_.orphan(); entry != nullptr;) {
    returned* next = entry->next;
    take_back(entry);
    entry = next;
  }
  if (returns_.still_abroad(static_cast<std::int64_t>(counters_.foreign_out))) destroy();
}

void slab::destroy() noexcept {
  for (int rounds = 0; rounds < 2; ++rounds) trim();  // the heads of cached mappings are nodes
  const slab_counters now = counters();
  bool in_use = now.nodes_in_use != 0;
  for (const std::uint64_t blocks : now.blocks_in_use) in_use |= blocks != 0;
  SHOAL_ASSERT(!in_use);  // a link_buffer, frame or connection outlived its shard's slab
  if (in_use) return;     // in a release build the memory stays: leaked at exit, but never used after free
  mapped_.unmap_all();
  pool_.unmap_all();
  delete this;
}

}  // namespace shoal
