// SPDX-License-Identifier: Apache-2.0
// A shard's memory: blocks of 4 KiB to 8 MiB for payload, nodes of 64 B to 1 KiB for everything small.
//
// Thread rule: one thread, the owner shard's, except what says "any thread". Debug builds check it once
// bind_to_this_thread() was called.
//
// Invariants:
//   1. bytes_held <= limit: memory mapped from the kernel, cached or in use, never exceeds the limit.
//   2. Draw `normal` fails while less than the reserve would be left; draw `reserve` may use the rest. Nodes and 4 KiB
//      blocks always find their page there; larger blocks need a free run.
//   3. The slab outlives its slab_ptr while slices of it are abroad: the last one to return frees it, on its thread.
//   4. Nothing here throws or waits. Exhaustion is nullptr or errc::no_memory, counted in `failures`.
#pragma once

#include <shoal/buffers/block_pool.hpp>
#include <shoal/buffers/callback.hpp>
#include <shoal/buffers/check.hpp>
#include <shoal/buffers/errc.hpp>
#include <shoal/buffers/mapped_blocks.hpp>
#include <shoal/buffers/node_pool.hpp>
#include <shoal/buffers/poison.hpp>
#include <shoal/buffers/return_stack.hpp>

#include <pthread.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace shoal {

class block_ref;

struct slab_options {
  shard_id owner = 0;
  /// Most memory mapped from the kernel, in bytes; rounded down to whole arenas of 2 MiB, at least one.
  std::size_t limit_bytes = std::size_t{256} << 20;
  /// Of that, kept for `draw::reserve`: close, replies and frames must not fail when payload took the rest.
  std::size_t reserve_bytes = std::size_t{1} << 20;
  /// Free mappings above 1 MiB kept for the next large read, in bytes.
  std::size_t mapped_cache_bytes = std::size_t{16} << 20;
  /// Ask for transparent huge pages.
  bool huge_pages = true;
  /// Called with each fresh mapping before it is touched: the runtime binds it to the shard's NUMA node.
  callback<void(void* memory, std::size_t bytes)> on_map;
};

/// Who asks: ordinary traffic, or what must not fail (closing, replies, frames of running handlers).
enum class draw : std::uint8_t { normal, reserve };

/// How full the slab is: below 75 %, below 90 %, above. Levels fall 5 points later than they rise.
enum class pressure_level : std::uint8_t { ok, high, critical };

/// What the owner shard reads for metrics; plain numbers.
struct slab_counters {
  std::array<std::uint64_t, detail::block_classes> blocks_in_use{};  ///< by class: 4 KiB, 8 KiB, ... 8 MiB
  std::uint64_t nodes_in_use = 0;
  std::uint64_t node_pages = 0;        ///< 4 KiB pages cut into nodes
  std::uint64_t externals_in_use = 0;  ///< buffers handed over by the application and not yet sent
  std::uint64_t bytes_in_use = 0;      ///< blocks in use and node pages
  std::uint64_t bytes_held = 0;        ///< mapped from the kernel: arenas and single mappings, in use or cached
  std::uint64_t bytes_peak = 0;        ///< most bytes in use, recently used blocks that were kept at hand included
  std::uint64_t arenas = 0;
  std::uint64_t arenas_mapped = 0;  ///< ever
  std::uint64_t arenas_unmapped = 0;
  std::uint64_t failures = 0;     ///< requests refused for lack of memory
  std::uint64_t foreign_out = 0;  ///< slices and nodes abroad now
  std::uint64_t foreign_returned = 0;
  std::uint64_t bytes_copied = 0;  ///< payload copied in user space, see copy.hpp
};

class slab;
/// Gives up the slab; see invariant 3.
struct slab_closer {
  void operator()(slab* s) const noexcept;
};
using slab_ptr = std::unique_ptr<slab, slab_closer>;

class slab {
 public:
  /// Maps nothing yet. Throws std::bad_alloc or std::invalid_argument (reserve not below the limit): start-up only.
  [[nodiscard]] static slab_ptr make(slab_options options = {});

  slab(const slab&) = delete;
  slab& operator=(const slab&) = delete;

  /// From now on debug builds assert that this thread is the one that calls.
  void bind_to_this_thread() noexcept { thread_ = ::pthread_self(); }
  [[nodiscard]] shard_id owner() const noexcept { return options_.owner; }

  // --- nodes --------------------------------------------------------------------------------------------------------
  /// `bytes` of memory aligned to 64; nullptr when exhausted. Above 1 KiB a block serves, up to 1 MiB.
  [[nodiscard]] void* allocate_node(std::size_t bytes, draw from = draw::normal) noexcept;
  /// Finds the slab by itself. `bytes` as asked for.
  static void free_node(void* node, std::size_t bytes) noexcept;
  /// Any thread: frees a node of any slab by way of its owner's return stack. Never waits, never fails.
  static void free_node_from_afar(void* node, std::size_t bytes) noexcept;
  /// To be called at home before a node leaves for other threads that will return it by free_node_from_afar().
  static void node_departs(void* node) noexcept;

  // --- blocks -------------------------------------------------------------------------------------------------------
  /// An empty block of at least `bytes` (up to 8 MiB), for provided-buffer rings and link_buffer::adopt(). Defined in
  /// block_ref.hpp.
  [[nodiscard]] inline result<block_ref> allocate_block(std::size_t bytes, draw from = draw::normal) noexcept;

  // --- once per turn, once per second ------------------------------------------------------------------------------
  /// Takes back what other threads returned; one relaxed load when there is nothing. Returns how many.
  std::size_t drain_returns() noexcept {
    if (returns_.looks_empty()) [[likely]]
      return 0;
    return drain_returns_slow();
  }
  /// Gives memory that stayed unused since the last call back to the kernel. Call it about once a second.
  void trim() noexcept;

  // --- how full -----------------------------------------------------------------------------------------------------
  [[nodiscard]] pressure_level pressure() const noexcept { return level_; }
  /// `watcher` is called at each change of level, from inside an allocation or a free: note it, act later.
  void watch_pressure(callback<void(pressure_level)> watcher) { watcher_ = std::move(watcher); }
  /// A snapshot: some forty additions.
  [[nodiscard]] slab_counters counters() const noexcept;
  /// Alone, without the snapshot.
  [[nodiscard]] std::uint64_t bytes_copied() const noexcept { return counters_.bytes_copied; }
  [[nodiscard]] std::size_t bytes_held() const noexcept {
    return pool_.arenas() * detail::arena_bytes + mapped_.bytes_held();
  }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  /// Most bytes_in_use that `draw::normal` can reach: the limit less arena heads and reserve.
  [[nodiscard]] std::size_t budget() const noexcept { return budget_; }

  // --- for link_buffer and its kin ---------------------------------------------------------------------------------
  /// A block with one reference and nothing filled; nullptr when exhausted.
  [[nodiscard]] detail::block* take_block(unsigned size_class, draw from = draw::normal) noexcept {
    assert_owner();
    if (size_class < detail::arena_classes) [[likely]] {
      if (detail::block* b = pool_.take_recent(size_class)) [[likely]]
        return hand_out(b);
    }
    return take_block_slow(size_class, from);
  }
  /// Drops one reference.
  static void unref(detail::block* b) noexcept {
    SHOAL_ASSERT(b->refs > 0);
    if (--b->refs == 0) detail::arena_of(b)->home->give_block(b);
  }
  /// The first segment over a block that nobody shares yet; the caller's reference becomes the segment's. Cannot fail.
  [[nodiscard]] static detail::segment* first_segment(detail::block* b, std::byte* begin, std::byte* end) noexcept {
    b->own.next = nullptr;
    b->own.begin = begin;
    b->own.end = end;
    return &b->own;
  }
  /// One more segment over a block, with a reference of its own; nullptr when exhausted.
  [[nodiscard]] detail::segment* share(detail::block* b, std::byte* begin, std::byte* end,
                                       draw from = draw::normal) noexcept;
  /// Gives back the pages of a block in use beyond the smaller class: its bytes stay where they are.
  void shrink(detail::block& b, unsigned size_class) noexcept;
  /// Frees the segment and its reference.
  static void drop_segment(detail::segment* s) noexcept {
    detail::block* b = s->owner;
    if (s != &b->own) [[unlikely]]
      free_node(s, sizeof(detail::segment));
    unref(b);
  }
  /// A block over memory that `outside` keeps alive; nullptr when exhausted.
  [[nodiscard]] detail::block* take_external(std::byte* data, detail::external_owner* outside) noexcept;
  [[nodiscard]] std::uint64_t& copy_counter() noexcept { return counters_.bytes_copied; }
  /// A slice leaves its shard, and comes back from any thread.
  void slice_departs() noexcept { ++counters_.foreign_out; }
  void give_back(detail::returned* entry) noexcept;
  /// A slice came home in the hands of the owner itself.
  void slice_returns() noexcept {
    --counters_.foreign_out;
    ++counters_.foreign_returned;
  }

  void assert_owner() const noexcept { SHOAL_ASSERT(thread_ == ::pthread_t{} || thread_ == ::pthread_self()); }

 private:
  friend struct slab_closer;
  explicit slab(slab_options options);
  ~slab();

  static detail::block* hand_out(detail::block* b) noexcept {
    b->refs = 1;
    b->filled = 0;
    unpoison(b->data, b->capacity);
    return b;
  }
  void give_block(detail::block* b) noexcept {
    assert_owner();
    if (b->state == detail::block_state::used) [[likely]] {
      poison(b->data, b->capacity);
      if (pool_.keep_recent(b, b->size_class)) [[likely]]
        return;
    }
    give_block_slow(b);
  }

  detail::block* take_block_slow(unsigned size_class, draw from) noexcept;
  detail::block* find_block(unsigned size_class) noexcept;
  detail::block* find_mapped(unsigned size_class, draw from) noexcept;
  bool map_arena() noexcept;
  bool evict_mapped() noexcept;
  void give_block_slow(detail::block* b) noexcept;
  void give_external(detail::block* b) noexcept;
  std::byte* take_node(unsigned node_class, draw from) noexcept;
  void give_node(void* node) noexcept;
  void give_page(detail::block* page) noexcept;
  void update_level() noexcept;
  std::size_t drain_returns_slow() noexcept;
  void take_back(detail::returned* entry) noexcept;
  void close() noexcept;
  void destroy() noexcept;

  /// In use, recently used ones at hand included; exact while the level is not ok.
  [[nodiscard]] std::size_t bytes_out() const noexcept { return pool_.bytes_out() + mapped_.bytes_in_use(); }

  detail::block_pool pool_;
  detail::node_pool nodes_;
  detail::mapped_blocks mapped_;
  slab_counters counters_;  ///< those that are counted; counters() adds what follows from the pools
  slab_options options_;
  std::size_t limit_;
  std::size_t budget_;       ///< for draw::normal
  std::size_t hard_budget_;  ///< for draw::reserve
  std::size_t rise_ = 0;     ///< above this the level rises
  std::size_t relief_ = 0;   ///< below this it falls
  pressure_level level_ = pressure_level::ok;
  callback<void(pressure_level)> watcher_;
  ::pthread_t thread_{};
  detail::return_stack returns_;  ///< written by other threads
};

}  // namespace shoal
