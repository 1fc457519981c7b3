// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/slab.hpp>

#include <algorithm>
#include <stdexcept>

namespace shoal {

using detail::block;
using detail::block_state;
using detail::class_bytes;

slab::slab(slab_options options) : mapped_{options.mapped_cache_bytes}, options_{std::move(options)} {
  const std::size_t arenas = std::max<std::size_t>(options_.limit_bytes / detail::arena_bytes, 1);
  limit_ = arenas * detail::arena_bytes;
  hard_budget_ = arenas * detail::usable_bytes;
  if (options_.reserve_bytes >= hard_budget_) throw std::invalid_argument{"slab: the reserve takes the whole limit"};
  budget_ = hard_budget_ - options_.reserve_bytes;
  update_level();
}

slab::~slab() = default;

slab_ptr slab::make(slab_options options) { return slab_ptr{new slab{std::move(options)}}; }

void slab_closer::operator()(slab* s) const noexcept { s->close(); }

// --- blocks ---------------------------------------------------------------------------------------------------------

block* slab::take_block_slow(unsigned size_class, draw from) noexcept {
  if (size_class >= detail::block_classes) {
    ++counters_.failures;
    return nullptr;
  }
  const std::size_t bytes = class_bytes(size_class);
  if (bytes_out() + bytes > rise_ && level_ == pressure_level::ok) pool_.merge_all();  // now bytes_out is bytes in use
  const std::size_t budget = from == draw::reserve ? hard_budget_ : budget_;
  block* b = nullptr;
  if (bytes_out() + bytes <= budget)
    b = size_class < detail::arena_classes ? find_block(size_class) : find_mapped(size_class, from);
  if (b == nullptr) {
    ++counters_.failures;
    return nullptr;
  }
  counters_.bytes_peak = std::max<std::uint64_t>(counters_.bytes_peak, bytes_out());
  if (bytes_out() > rise_) update_level();
  return hand_out(b);
}

/// From cheap to dear: cut, cut after merging, a new arena, a new arena in place of a cached mapping.
block* slab::find_block(unsigned size_class) noexcept {
  if (block* b = pool_.cut(size_class)) return b;
  pool_.merge_all();
  if (block* b = pool_.cut(size_class)) return b;
  return map_arena() ? pool_.cut(size_class) : nullptr;
}

bool slab::map_arena() noexcept {
  while (bytes_held() + detail::arena_bytes > limit_)
    if (!evict_mapped()) return false;
  std::byte* memory = detail::map_memory(detail::arena_bytes, options_.huge_pages);
  if (memory == nullptr) return false;
  if (options_.on_map) options_.on_map(memory, detail::arena_bytes);
  pool_.add_arena(memory, *this);
  ++counters_.arenas_mapped;
  return true;
}

bool slab::evict_mapped() noexcept {
  block* head = mapped_.evict();
  if (head == nullptr) return false;
  give_node(head);
  return true;
}

block* slab::find_mapped(unsigned size_class, draw from) noexcept {
  if (block* b = mapped_.take_cached(size_class)) return b;
  const std::size_t bytes = class_bytes(size_class);
  while (bytes_held() + bytes > limit_ && evict_mapped()) {
  }
  if (bytes_held() + bytes > limit_) {
    pool_.merge_all();
    counters_.arenas_unmapped += pool_.unmap_empty() / detail::arena_bytes;
  }
  // The head may need a fresh arena itself, so the limit is looked at after it is there.
  auto* head = reinterpret_cast<block*>(take_node(detail::node_pool::class_of(sizeof(block)), from));
  if (head == nullptr) return nullptr;
  if (bytes_held() + bytes > limit_ || !mapped_.map(head, size_class, options_.huge_pages)) {
    give_node(head);
    return nullptr;
  }
  if (options_.on_map) options_.on_map(head->data, bytes);
  return head;
}

/// What the stacks don't take: an arena's block when its stack is full or closed, a mapping, somebody else's memory.
void slab::give_block_slow(block* b) noexcept {
  switch (b->state) {
    case block_state::used:
      if (level_ == pressure_level::ok) {
        pool_.merge_half(b->size_class);
        (void)pool_.keep_recent(b, b->size_class);
      } else {
        pool_.merge(b);
      }
      break;
    case block_state::mapped:
      if (mapped_.give(b)) give_node(b);
      break;
    case block_state::external: give_external(b); break;
    default: SHOAL_CHECK(false, "slab block freed twice");
  }
  if (bytes_out() < relief_) update_level();
}

void slab::give_external(block* b) noexcept {
  --counters_.externals_in_use;
  b->outside->drop(b->outside);
  give_node(b);
}

block* slab::take_external(std::byte* data, detail::external_owner* outside) noexcept {
  assert_owner();
  auto* b = reinterpret_cast<block*>(take_node(detail::node_pool::class_of(sizeof(block)), draw::normal));
  if (b == nullptr) return nullptr;
  b->prepare(data, 0, 0, block_state::external);
  b->outside = outside;
  b->refs = 1;
  b->filled = 0;
  ++counters_.externals_in_use;
  return b;
}

detail::segment* slab::share(block* b, std::byte* begin, std::byte* end, draw from) noexcept {
  assert_owner();
  auto* s = reinterpret_cast<detail::segment*>(take_node(detail::node_pool::class_of(sizeof(detail::segment)), from));
  if (s == nullptr) return nullptr;
  *s = {nullptr, b, begin, end};
  ++b->refs;
  return s;
}

void slab::shrink(block& b, unsigned size_class) noexcept {
  assert_owner();
  pool_.shrink(&b, size_class);
  if (bytes_out() < relief_) update_level();
}

// --- nodes ----------------------------------------------------------------------------------------------------------

void* slab::allocate_node(std::size_t bytes, draw from) noexcept {
  assert_owner();
  if (bytes <= detail::max_node_bytes) [[likely]]
    return take_node(detail::node_pool::class_of(bytes), from);
  const unsigned size_class = detail::class_for(bytes);
  if (size_class >= detail::arena_classes) {  // freeing by address works inside arenas only
    ++counters_.failures;
    return nullptr;
  }
  block* b = take_block(size_class, from);
  return b == nullptr ? nullptr : b->data;
}

void slab::free_node(void* node, std::size_t bytes) noexcept {
  slab* home = detail::arena_of(node)->home;
  home->assert_owner();
  if (bytes <= detail::max_node_bytes) [[likely]]
    home->give_node(node);
  else
    unref(detail::head_of(node));
}

std::byte* slab::take_node(unsigned node_class, draw from) noexcept {
  std::byte* node = nodes_.take(node_class);
  if (node == nullptr) [[unlikely]] {
    block* page = take_block(0, from);
    if (page == nullptr) return nullptr;
    ++counters_.node_pages;
    poison(page->data, page->capacity);
    nodes_.add_page(page, node_class);
    node = nodes_.take(node_class);
  }
  ++counters_.nodes_in_use;
  unpoison(node, detail::node_bytes(node_class));
  return node;
}

void slab::give_node(void* node) noexcept {
  poison(node, detail::node_bytes(detail::head_of(node)->nodes.node_class));
  --counters_.nodes_in_use;
  if (block* page = nodes_.give(static_cast<std::byte*>(node))) [[unlikely]]
    give_page(page);
}

void slab::give_page(block* page) noexcept {
  --counters_.node_pages;
  page->prepare(page->data, page->capacity, 0, block_state::used);
  give_block(page);
}

// --- pressure and trimming ------------------------------------------------------------------------------------------

/// Sets the level, and the marks above and below which it has to be looked at again.
void slab::update_level() noexcept {
  const auto percent = [this](std::size_t p) { return budget_ / 100 * p; };
  const std::size_t used = bytes_out();
  const pressure_level before = level_;
  if (used > percent(90) || (level_ == pressure_level::critical && used >= percent(85)))
    level_ = pressure_level::critical;
  else if (used > percent(75) || (level_ >= pressure_level::high && used >= percent(70)))
    level_ = pressure_level::high;
  else
    level_ = pressure_level::ok;
  constexpr std::size_t never = 0;
  constexpr std::size_t always = ~std::size_t{0};
  switch (level_) {
    case pressure_level::ok: rise_ = percent(75), relief_ = never; break;
    case pressure_level::high: rise_ = percent(90), relief_ = percent(70); break;
    case pressure_level::critical: rise_ = always, relief_ = percent(85); break;
  }
  if (level_ == before) return;
  if (level_ == pressure_level::ok) pool_.open_stacks();
  if (before == pressure_level::ok) pool_.close_stacks();
  if (watcher_) watcher_(level_);
}

slab_counters slab::counters() const noexcept {
  slab_counters all = counters_;
  for (unsigned c = 0; c < detail::block_classes; ++c)
    all.blocks_in_use[c] = c < detail::arena_classes ? pool_.blocks_in_use(c) : mapped_.blocks_in_use(c);
  for (unsigned c = 0; c < detail::block_classes; ++c) all.bytes_in_use += all.blocks_in_use[c] * class_bytes(c);
  all.blocks_in_use[0] -= all.node_pages;
  all.bytes_held = bytes_held();
  all.arenas = pool_.arenas();
  return all;
}

void slab::trim() noexcept {
  assert_owner();
  for (std::size_t stale = mapped_.stale(); stale > 0; --stale) evict_mapped();
  mapped_.trimmed();
  for (unsigned node_class = 0; node_class < detail::node_classes; ++node_class)
    if (block* page = nodes_.take_spare(node_class)) give_page(page);
  counters_.arenas_unmapped += pool_.trim() / detail::arena_bytes;
}

}  // namespace shoal
