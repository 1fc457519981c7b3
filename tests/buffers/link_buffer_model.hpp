// SPDX-License-Identifier: Apache-2.0
// Drives several link buffers and their std::string models through the same random operations.
//
// Thread rule: one thread. A difference is reported by expect_failed(), which aborts with the operation's number: the
// seed replays it. After each operation the touched buffers equal their models in length and content, and every span
// handed out still shows what it showed.
#pragma once

#include <shoal/buffers/foreign_slice.hpp>
#include <shoal/buffers/link_buffer.hpp>
#include <tests/buffers/choices.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace shoal::test {

class link_buffer_model {
 public:
  /// Small limits, so that exhaustion is part of the game.
  explicit link_buffer_model(choices from);

  /// One random operation, checked.
  void step();
  /// Destroys all buffers and checks that every block and node is home.
  void finish();
  [[nodiscard]] bool exhausted() const noexcept { return choices_.exhausted(); }
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
  /// How often calls were refused for lack of memory: a run in which it never happens tests less than it should.
  [[nodiscard]] std::uint64_t refusals() const noexcept { return home_->counters().failures; }

 private:
  struct lent_span {
    std::span<const std::byte> span;
    std::string content;
  };
  struct modelled {
    explicit modelled(slab& home) : real{home} {}
    link_buffer real;
    std::string committed;
    std::string pending;
    std::vector<lent_span> lent;
    bool spans_out = false;
    std::size_t unreleased = 0;
    std::span<std::byte> booked;
    std::uint64_t read_at = 0;  ///< real.read_position() at the last look: it never goes back
  };
  struct loose_slice {
    link_buffer real;
    std::string content;
  };

  using operation = void (link_buffer_model::*)(modelled&);
  struct weighted {
    operation run;
    unsigned weight;
  };
  static const std::vector<operation>& operations();

  // Writing.
  void op_malloc(modelled& m);
  void op_malloc_ack(modelled& m);
  void op_write_binary(modelled& m);
  void op_write_integers(modelled& m);
  void op_write_owned(modelled& m);
  void op_write_direct(modelled& m);
  void op_commit(modelled& m);
  void op_append(modelled& m);
  void op_append_slice(modelled& m);
  // Reading.
  void op_next(modelled& m);
  void op_peek(modelled& m);
  void op_skip(modelled& m);
  void op_until(modelled& m);
  void all_until(modelled& m, char delimiter);
  void op_read_copy(modelled& m);
  void op_read_integers(modelled& m);
  void op_too_much(modelled& m);
  void op_look(modelled& m);
  void op_slice(modelled& m);
  void op_take(modelled& m);
  void op_take_all(modelled& m);
  void op_release(modelled& m);
  // The poller's side, and everything else.
  void op_book(modelled& m);
  void op_book_ack(modelled& m);
  void op_adopt(modelled& m);
  void op_send(modelled& m);
  void op_travel(modelled& m);
  void op_compact(modelled& m);
  void op_close(modelled& m);
  void op_move(modelled& m);
  void op_slab(modelled& m);

  [[nodiscard]] modelled& any_buffer() { return buffers_[choices_.below(buffers_.size())]; }
  /// Mostly small, sometimes across blocks.
  [[nodiscard]] std::size_t any_size();
  /// Up to `most`, with a liking for all of it.
  [[nodiscard]] std::size_t any_part(std::size_t most);
  [[nodiscard]] std::string any_bytes(std::size_t size);
  static void put(std::byte* to, const std::string& content) noexcept {
    if (!content.empty()) std::memcpy(to, content.data(), content.size());
  }
  void consumed(modelled& m, std::size_t n);
  void remember(modelled& m, std::span<const std::byte> span, std::string content);
  void keep_slice(link_buffer real, std::string content);
  void renew(modelled& m);
  void check(modelled& m);
  void check_lent(const modelled& m) const;
  void expect(bool condition, const char* what) const;
  [[noreturn]] void expect_failed(const char* what) const;
  /// True if `outcome` is fine; false if it is no_memory, which must be possible then; anything else fails the test.
  template <class T>
  bool done_or_no_memory(const result<T>& outcome, const char* what) const {
    if (outcome) return true;
    expect(outcome.error() == errc::no_memory, what);
    return false;
  }

  choices choices_;
  slab_ptr home_;
  slab_ptr abroad_;
  std::vector<modelled> buffers_;
  std::vector<loose_slice> slices_;
  std::vector<block_ref> ballast_;
  std::uint64_t steps_ = 0;
  std::uint64_t text_ = 0;  ///< so that no two stretches of bytes are alike
  const char* doing_ = "";
};

}  // namespace shoal::test
