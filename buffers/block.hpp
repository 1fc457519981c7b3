// SPDX-License-Identifier: Apache-2.0
// A block of slab memory, and the segments through which link buffers share it.
//
// Thread rule: a block, its count and its segments belong to the shard of the slab they came from; counts are plain
// integers. The one exception is a departed slice (foreign_slice.hpp), whose segments only it may read.
//
//      block (64 bytes, in the head of its arena)          payload (page-aligned, 4 KiB .. 8 MiB)
//      +------------------------------------------+        +---------------------+---------------+
//      | data, capacity, filled, refs             |------> | filled              | room          |
//      | own: the first segment over it           |        +---------------------+---------------+
//      +------------------------------------------+           ^ begin      ^ end
//                                                          segment          segment of a slice, ...
//
// Invariants:
//   1. `own` serves the first segment only and is not used again before the block was free: who comes later takes a
//   node.
//   2. refs counts the segments over the block plus the block_refs; at 0 the block goes back to its slab.
//   3. Bytes [0, filled) were handed out; nobody else may write there. Only the segment that ends exactly at `filled`
//      may grow into the room, and growing moves `filled`: so two segments never write the same byte.
//   4. The head lies outside the payload: payloads are whole pages, which is what recv(2) and provided buffers like
//      best, and a stray write past a payload hits no bookkeeping.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/trivial_value_traits.hpp>

#include <cstddef>
#include <cstdint>

namespace shoal {

class slab;

namespace detail {

struct block;

/// What keeps memory alive that is not the slab's: a string or vector whose owner handed it over.
struct external_owner {
  void (*drop)(external_owner* self) noexcept;  ///< destroys the owner and frees `self`
};

/// A run of bytes inside one block. A link buffer is a chain of these; each counts as one reference to its block.
struct segment {
  segment* next;
  block* owner;
  std::byte* begin;
  std::byte* end;

  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end - begin); }
};

/// The links of a block in a list of its slab.
struct block_links {
  block* next;
  block* previous;
};

/// The bookkeeping of a page cut into nodes of one size; the links come first, as in block_links.
struct node_page {
  block_links links;
  std::uint64_t free;  ///< one bit per node
  std::uint8_t node_class;
};

enum class block_state : std::uint8_t {
  interior,  ///< not the first page of anything
  free,      ///< in the pool, may be merged with its neighbour
  used,      ///< handed out, or in the pool's stack of recently used blocks: a block of an arena
  nodes,     ///< handed out to the node pool
  mapped,    ///< handed out: a mapping of its own, above 1 MiB
  external,  ///< somebody else's memory, see external_owner
};

struct alignas(64) block {
  union {  // a block in use needs a segment, a free one links, a page of nodes its bookkeeping: never two at once
    segment own;  ///< for the first segment over the block; its owner is the block itself
    block_links links;
    node_page nodes;
  };
  std::byte* data;
  external_owner* outside;  ///< state external only
  std::uint32_t refs;
  std::uint32_t filled;
  std::uint32_t capacity;  ///< 0 where nobody may write
  std::uint8_t size_class;
  block_state state;
  bool own_free;  ///< known to be unused: only of a block that went out as a block_ref and was not adopted yet

  /// Fresh from the pool, or a new head.
  void prepare(std::byte* payload, std::size_t bytes, unsigned its_class, block_state its_state) noexcept {
    own.owner = this;
    data = payload;
    capacity = static_cast<std::uint32_t>(bytes);
    size_class = static_cast<std::uint8_t>(its_class);
    state = its_state;
    own_free = false;
  }
  [[nodiscard]] std::byte* room_begin() const noexcept { return data + filled; }
  [[nodiscard]] std::size_t room() const noexcept { return capacity - filled; }
};
static_assert(sizeof(block) == 64);

struct block_link_traits {
  using node = block;
  using node_ptr = block*;
  using const_node_ptr = const block*;
  static node_ptr get_next(const_node_ptr b) noexcept { return b->links.next; }
  static void set_next(node_ptr b, node_ptr next) noexcept { b->links.next = next; }
  static node_ptr get_previous(const_node_ptr b) noexcept { return b->links.previous; }
  static void set_previous(node_ptr b, node_ptr previous) noexcept { b->links.previous = previous; }
};

/// Blocks linked through their heads: no memory of its own, removal from the middle in O(1).
using block_list = boost::intrusive::list<block,
                                          boost::intrusive::value_traits<boost::intrusive::trivial_value_traits<
                                              block_link_traits, boost::intrusive::normal_link>>,
                                          boost::intrusive::constant_time_size<false>>;

}  // namespace detail
}  // namespace shoal
