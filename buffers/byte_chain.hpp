// SPDX-License-Identifier: Apache-2.0
// What a link_buffer is made of: the chain of segments, its cursors, and what is kept while spans are out.
// link_buffer.hpp is the interface; here are the few steps that all of it is built from.
//
// Thread rule: the owner shard of the slab.
//
//   kept_ -> s -> s        read_ -> s -> s -> s <- tail_         booked_ -> s
//   (freed by release)      ^ read    ^ commit  ^ write           (under the poller's hands)
//
// Invariants:
//   1. No segment of the chain is empty; read_ and tail_ are null together.
//   2. The first len() bytes of the chain are committed, the malloc_len() bytes behind them are not.
//   3. Spans that were handed out point into the first segment, into kept_ segments, or nowhere: consumed segments are
//      kept while lent_ is not 0, and pin_spans() comes before anything that gives the chain another first segment.
#pragma once

#include <shoal/buffers/slab.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace shoal::detail {

class byte_chain {
 protected:
  explicit byte_chain(slab& home) noexcept : slab_{&home} {}
  byte_chain(byte_chain&& other) noexcept;
  byte_chain& operator=(byte_chain&& other) noexcept;
  ~byte_chain() {
    if (read_ != nullptr || kept_ != nullptr || booked_ != nullptr) drop_all();
  }

  /// Appends a segment; positions are the caller's to move.
  void link(segment* s) noexcept {
    (tail_ == nullptr ? read_ : tail_->next) = s;
    tail_ = s;
  }
  /// Whether s begins right behind the last byte, in the same block. (The end of one block may be the address of the
  /// next: look at both.)
  [[nodiscard]] bool continues_tail(const segment& s) const noexcept {
    return tail_ != nullptr && tail_->end == s.begin && tail_->owner == s.owner;
  }
  /// The chain is somebody else's now; what it held has left at the read end.
  void forget_chain() noexcept {
    read_ = tail_ = nullptr;
    moved_out(write_at_ - read_at_);
    commit_at_ = write_at_;
  }
  /// n bytes left at the read end without having been consumed.
  void moved_out(std::size_t n) noexcept {
    read_at_ += n;
    if (lent_ != 0) [[unlikely]]
      lent_ += n;
  }
  static void drop_all_of(segment* first) noexcept {
    while (first != nullptr) {
      segment* next = first->next;
      slab::drop_segment(first);
      first = next;
    }
  }
  void drop_all() noexcept;
  void release_kept() noexcept {
    lent_ = 0;
    cached_to_ = 0;
    scratch_ = nullptr;
    segment* first = kept_;
    kept_ = nullptr;
    drop_all_of(first);
  }

  void keep(segment* s) noexcept {
    s->next = kept_;
    kept_ = s;
  }
  /// The first segment leaves the chain: it is kept as long as spans may point into it.
  void leave_first() noexcept {
    segment* s = read_;
    read_ = s->next;
    if (read_ == nullptr) tail_ = nullptr;
    if (lent_ != 0)
      keep(s);
    else
      slab::drop_segment(s);
  }
  /// Before another segment becomes the first: keeps the block of this one as well. False: not even the reserve has a
  /// node for it.
  [[nodiscard]] bool pin_spans() noexcept { return lent_ == 0 || read_ == nullptr || pin_first(); }

  /// From now on spans may point into the first segment.
  void lend() noexcept {
    if (lent_ == 0) lent_ = read_at_ + 1;
  }
  /// Consumes n > 0 bytes of the first segment.
  void drop_front(std::size_t n) noexcept {
    read_at_ += n;
    read_->begin += n;
    if (read_->begin == read_->end) leave_first();
  }
  /// The same, handing them out.
  [[nodiscard]] std::span<const std::byte> lend_front(std::size_t n) noexcept {
    const std::span<const std::byte> out{read_->begin, n};
    lend();
    drop_front(n);
    return out;
  }
  /// Consumes n bytes, across segments.
  void advance(std::size_t n) noexcept;
  /// How many of the next bytes to read lie gathered at the end of scratch_.
  [[nodiscard]] std::size_t cached() const noexcept { return cached_to_ > read_at_ ? cached_to_ - read_at_ : 0; }

  /// n bytes at the end where that is simple: in the tail's room, or in a first small block; else nullptr.
  [[nodiscard]] std::byte* grow(std::size_t n) noexcept {
    block* b = nullptr;
    if (tail_ != nullptr) {
      b = tail_->owner;
      if (n > b->room() || tail_->end != b->room_begin()) return nullptr;
      tail_->end += n;
    } else {
      if (n - 1 >= class_bytes(0) || closed_) return nullptr;
      b = slab_->take_block(0);
      if (b == nullptr) return nullptr;
      read_ = tail_ = slab::first_segment(b, b->data, b->data + n);
    }
    std::byte* out = b->room_begin();
    b->filled += static_cast<std::uint32_t>(n);
    write_at_ += n;
    return out;
  }
  [[nodiscard]] std::uint64_t& copied() const noexcept { return slab_->copy_counter(); }

  // Pointers and positions take turns. Side by side, GCC loads two positions as one vector just after they were stored
  // one by one, and such a load waits until the stores have left the CPU: measured 6 ns of 10 for a small write and
  // send.
  slab* slab_;
  segment* read_ = nullptr;
  std::uint64_t read_at_ = 0;  ///< positions count bytes since the beginning: read <= commit <= write
  segment* tail_ = nullptr;
  std::uint64_t commit_at_ = 0;
  segment* kept_ = nullptr;  ///< freed by release(): consumed while spans were out, scratch, pins
  std::uint64_t write_at_ = 0;
  segment* scratch_ = nullptr;   ///< the one in kept_ that bytes are gathered in, if any
  std::uint64_t lent_ = 0;       ///< where reading stood when the first span went out, plus 1; 0: none is out
  segment* booked_ = nullptr;    ///< the space lent to the poller, with a reference of its own
  std::uint64_t cached_to_ = 0;  ///< up to this position bytes lie at the end of scratch_, too
  std::uint8_t book_class_ = 0;
  std::uint8_t small_reads_ = 0;
  bool closed_ = false;

 private:
  bool pin_first() noexcept;
};

inline byte_chain::byte_chain(byte_chain&& other) noexcept
    : slab_{other.slab_},
      read_{other.read_},
      read_at_{other.read_at_},
      tail_{other.tail_},
      commit_at_{other.commit_at_},
      kept_{other.kept_},
      write_at_{other.write_at_},
      scratch_{other.scratch_},
      lent_{other.lent_},
      booked_{other.booked_},
      cached_to_{other.cached_to_},
      book_class_{other.book_class_},
      small_reads_{other.small_reads_},
      closed_{other.closed_} {
  other.forget_chain();
  other.kept_ = other.scratch_ = other.booked_ = nullptr;
  other.lent_ = 0;
  other.closed_ = false;
}

}  // namespace shoal::detail
