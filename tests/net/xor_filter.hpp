// SPDX-License-Identifier: Apache-2.0
// The filter the tests run with beside none: every byte xored with a key that depends on its place in the stream, so
// that bytes lost, doubled or out of order show. No state beyond two positions, no bytes of its own.
//
// Thread rule: as filter.hpp; an xor_mask belongs to one direction of one stream.
#pragma once

#include <shoal/net/filter.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace shoal::test {

/// Encodes and decodes: xor is its own inverse.
class xor_mask {
 public:
  void apply(std::span<const std::byte> from, std::byte* to) noexcept {
    for (const std::byte b : from) *to++ = b ^ static_cast<std::byte>(0x5a + 7 * position_++);
  }

 private:
  std::uint64_t position_ = 0;
};

class xor_filter final : public filter {
 public:
  std::error_code decode(link_buffer& raw, link_buffer& plain, bool) override { return move(raw, plain, in_); }
  std::error_code encode(link_buffer& plain, link_buffer& raw) override { return move(plain, raw, out_); }
  bool can_move() const noexcept override { return true; }

 private:
  static std::error_code move(link_buffer& from, link_buffer& to, xor_mask& mask) {
    const link_buffer taken = from.take_all();
    for (const auto piece : taken.pieces()) {
      const auto room = to.malloc(piece.size());
      if (!room) return room.error();
      mask.apply(piece, room->data());
    }
    if (const auto committed = to.commit(); !committed) return committed.error();
    return {};
  }

  xor_mask in_;
  xor_mask out_;
};

}  // namespace shoal::test
