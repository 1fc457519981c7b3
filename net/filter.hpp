// SPDX-License-Identifier: Apache-2.0
// filter: what may sit between the socket and the buffers (PROXY header, TLS, ...). None means plain: one branch.
//
//   socket -> raw input -> decode -> input()        output() -> encode -> raw output -> socket
//
// Thread rule: owner shard only. Rule: a filter never does input or output itself and never blocks.
#pragma once

#include <shoal/buffers/link_buffer.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <system_error>

namespace shoal {

class shard;

class filter {
 public:
  filter() = default;
  filter(const filter&) = delete;
  filter& operator=(const filter&) = delete;
  virtual ~filter() = default;

  /// Takes what it can from `raw` and appends plain bytes to `plain` (committed). What it needs more bytes for stays in
  /// `raw`. An error ends the connection. `at_eof`: no more raw bytes will come.
  [[nodiscard]] virtual std::error_code decode(link_buffer& raw, link_buffer& plain, bool at_eof) = 0;
  /// Moves all committed bytes of `plain` into `raw`, encoded and committed.
  [[nodiscard]] virtual std::error_code encode(link_buffer& plain, link_buffer& raw) = 0;
  /// Bytes of its own to send (a handshake): encode() will be called even with nothing to encode.
  [[nodiscard]] virtual bool want_write() const noexcept { return false; }
  /// Called before FIN: append a farewell to `raw`.
  [[nodiscard]] virtual std::error_code close_write(link_buffer& raw) {
    static_cast<void>(raw);
    return {};
  }
  /// A filter that cannot move pins its connection. One that can is told before it leaves its shard, and on the new one
  /// before it is used again (on the old one, when the move was refused).
  [[nodiscard]] virtual bool can_move() const noexcept { return false; }
  virtual void suspend() noexcept {}
  virtual void resume(shard& here) noexcept { static_cast<void>(here); }
};

/// A filter at work: the raw sides, and how plain bytes map to the raw ones that carry them. All plain bytes are
/// encoded at the end of the turn that queued them, so a mark per turn is enough: "when so many raw bytes are out, so
/// many plain ones are".
struct filter_stage {
  filter_stage(std::unique_ptr<filter> f, slab& memory) : code(std::move(f)), raw_input(memory), raw_output(memory) {}

  /// `plain` bytes have just been encoded into raw_output.
  void note_encoded(std::size_t plain) {
    if (plain == 0) return;
    encoded_plain += plain;
    marks_.push_back({raw_sent_ + raw_output.len(), plain});
  }
  /// `raw` bytes have left, and with them the plain bytes they complete.
  void note_sent(std::size_t raw) {
    raw_sent_ += raw;
    std::size_t completed = 0;
    while (!marks_.empty() && marks_.front().raw_end <= raw_sent_) {
      completed += marks_.front().plain;
      marks_.pop_front();
    }
    encoded_plain -= completed;
    sent_plain += completed;
  }

  /// Around a move. Nothing of the old shard's memory may be left here: it is given back there.
  void leave() noexcept {
    code->suspend();
    raw_input.close();
    raw_output.close();
  }
  void arrive(shard& here, slab& memory) {
    raw_input = link_buffer{memory};
    raw_output = link_buffer{memory};
    code->resume(here);
  }

  std::unique_ptr<filter> code;
  link_buffer raw_input;
  link_buffer raw_output;
  bool decoded_eof = false;
  bool farewell_said = false;
  std::size_t encoded_plain = 0;  ///< encoded, not all of it sent
  std::uint64_t sent_plain = 0;   ///< sent, ever

 private:
  struct mark {
    std::uint64_t raw_end;
    std::size_t plain;
  };
  std::deque<mark> marks_;
  std::uint64_t raw_sent_ = 0;
};

}  // namespace shoal
