// SPDX-License-Identifier: Apache-2.0
// Short words for the tests of buffers/: text in and out of link buffers.
//
// Thread rule: pure functions, or that of the buffer they are given.
#pragma once

#include <shoal/buffers/link_buffer.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace shoal::test {

[[nodiscard]] inline std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// For any thread: Boost.Test's own macros are for one.
inline void must(bool holds) { SHOAL_CHECK(holds, "in a test"); }

/// What a poller does with bytes that arrive: books, fills, acknowledges, until all are in.
inline void receive(link_buffer& buffer, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto space = buffer.book().value();
    const std::size_t n = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), n);
    must(buffer.book_ack(n).has_value());
    bytes.remove_prefix(n);
  }
}

/// Bytes that tell each other apart.
[[nodiscard]] inline std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('!' + (i * 7 + i / 91) % 90);
  return bytes;
}

/// A block for each piece, so that what follows has to cross them.
inline void adopt_pieces(link_buffer& buffer, std::initializer_list<std::string_view> pieces) {
  for (const std::string_view piece : pieces) {
    auto block = buffer.home().allocate_block(piece.size()).value();
    std::memcpy(block.data(), piece.data(), piece.size());
    must(buffer.adopt(std::move(block), piece.size()).has_value());
  }
}

[[nodiscard]] inline std::size_t piece_count(const link_buffer& buffer) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto piece : buffer.pieces()) ++count;
  return count;
}

/// Blocks, nodes and externals that somebody still holds.
[[nodiscard]] inline std::uint64_t in_use(const slab& s) {
  const slab_counters now = s.counters();
  std::uint64_t all = now.nodes_in_use + now.externals_in_use + now.foreign_out;
  for (const std::uint64_t blocks : now.blocks_in_use) all += blocks;
  return all;
}

/// A slab and the promise that everything is home when the test ends.
struct own_slab {
  explicit own_slab(slab_options options = {}) : memory{slab::make(std::move(options))} {}
  ~own_slab() {
    for (int i = 0; i < 2; ++i) memory->trim();  // the heads of cached mappings are nodes
    BOOST_TEST(in_use(*memory) == 0U);
  }
  slab_ptr memory;
};

}  // namespace shoal::test
