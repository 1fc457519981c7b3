// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/slab.hpp>

#include <tests/buffers/bytes.hpp>

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <set>
#include <tuple>
#include <vector>

namespace shoal::test {

BOOST_AUTO_TEST_SUITE(slab_blocks)

BOOST_AUTO_TEST_CASE(payloads_are_whole_aligned_pages_of_the_asked_size) {
  own_slab own;
  for (std::size_t bytes = 1; bytes <= (std::size_t{8} << 20); bytes = bytes * 3 + 1) {
    const auto block = own.memory->allocate_block(bytes).value();
    BOOST_TEST(block.capacity() >= bytes);
    BOOST_TEST((block.capacity() == 4096 || block.capacity() < bytes * 2));
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(block.data()) % 4096 == 0U);
    std::memset(block.data(), 0xa5, block.capacity());
  }
  BOOST_TEST((own.memory->allocate_block((std::size_t{8} << 20) + 1).error() == errc::no_memory));
}

BOOST_AUTO_TEST_CASE(blocks_of_all_sizes_share_arenas_and_do_not_overlap) {
  own_slab own;
  std::vector<block_ref> blocks;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t bytes = 4096; bytes <= (std::size_t{1} << 20); bytes *= 2) {
      blocks.push_back(own.memory->allocate_block(bytes).value());
      std::memset(blocks.back().data(), static_cast<int>(blocks.size()), blocks.back().capacity());
    }
  }
  BOOST_TEST(own.memory->counters().arenas == 4U);  // 3 x (2 MiB - 4 KiB) and the heads
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    for (const std::byte b : {blocks[i].memory().front(), blocks[i].memory().back()})
      BOOST_TEST(std::to_integer<std::size_t>(b) == i + 1);
  }
  for (unsigned c = 0; c <= 8; ++c) BOOST_TEST(own.memory->counters().blocks_in_use[c] == 3U);
}

BOOST_AUTO_TEST_CASE(neighbours_merge_so_that_small_blocks_become_a_large_one) {
  own_slab own{{.limit_bytes = std::size_t{2} << 20, .reserve_bytes = 0}};
  std::vector<block_ref> small;
  while (auto block = own.memory->allocate_block(4096)) small.push_back(std::move(*block));
  BOOST_TEST(small.size() == detail::usable_pages);
  BOOST_TEST(!own.memory->allocate_block(std::size_t{1} << 20));
  small.clear();
  BOOST_TEST(own.memory->allocate_block(std::size_t{1} << 20).has_value());
}

BOOST_AUTO_TEST_CASE(freed_blocks_are_used_again_the_last_first) {
  own_slab own;
  const std::byte* first = own.memory->allocate_block(4096)->data();
  BOOST_TEST(own.memory->allocate_block(4096)->data() == first);
}

BOOST_AUTO_TEST_CASE(arenas_that_stay_empty_go_back_to_the_kernel) {
  own_slab own;
  {
    std::vector<block_ref> blocks;
    for (int i = 0; i < 10; ++i) blocks.push_back(own.memory->allocate_block(std::size_t{1} << 20).value());
    BOOST_TEST(own.memory->bytes_held() == std::size_t{20} << 20);
  }
  own.memory->trim();
  BOOST_TEST(own.memory->bytes_held() > 0U);  // empty, but was in use a moment ago
  for (int i = 0; i < 3; ++i) own.memory->trim();
  BOOST_TEST(own.memory->bytes_held() == 0U);
  BOOST_TEST(own.memory->counters().arenas_unmapped == own.memory->counters().arenas_mapped);
}

BOOST_AUTO_TEST_CASE(large_mappings_are_kept_up_to_a_limit_and_for_a_while) {
  own_slab own{{.mapped_cache_bytes = std::size_t{8} << 20}};
  auto one = own.memory->allocate_block(std::size_t{8} << 20).value();
  auto two = own.memory->allocate_block(std::size_t{8} << 20).value();
  const std::byte* kept = one.data();
  one = {};
  two = {};
  const std::size_t held = own.memory->bytes_held();
  BOOST_TEST(held == (std::size_t{8} << 20) + detail::arena_bytes);  // one cached, one unmapped, one arena for heads
  BOOST_TEST(own.memory->allocate_block(std::size_t{8} << 20)->data() == kept);
  for (int i = 0; i < 2; ++i) own.memory->trim();
  BOOST_TEST(own.memory->bytes_held() <= detail::arena_bytes);
}

BOOST_AUTO_TEST_CASE(fresh_mappings_are_shown_to_the_numa_hook_untouched) {
  std::vector<std::pair<void*, std::size_t>> seen;
  own_slab own{{.on_map = [&seen](void* memory, std::size_t bytes) { seen.emplace_back(memory, bytes); }}};
  (void)own.memory->allocate_block(4096);
  (void)own.memory->allocate_block(std::size_t{2} << 20);
  BOOST_TEST(seen.size() == 2U);
  BOOST_TEST(seen[0].second == detail::arena_bytes);
  BOOST_TEST(seen[1].second == std::size_t{2} << 20);
  for (const auto& [memory, bytes] : seen)
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(memory) % detail::arena_bytes == 0U);
}

BOOST_AUTO_TEST_CASE(a_shared_block_is_freed_by_its_last_holder) {
  own_slab own;
  auto one = own.memory->allocate_block(4096).value();
  auto two = one.share();
  one = {};
  BOOST_TEST(own.memory->counters().blocks_in_use[0] == 1U);
  two = {};
  BOOST_TEST(own.memory->counters().blocks_in_use[0] == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(slab_nodes)

BOOST_AUTO_TEST_CASE(nodes_are_aligned_and_apart) {
  own_slab own;
  std::set<std::byte*> nodes;
  for (int i = 0; i < 1000; ++i) {
    for (const std::size_t bytes : {1, 64, 65, 200, 256, 300, 500, 700, 1024}) {
      auto* node = static_cast<std::byte*>(own.memory->allocate_node(bytes));
      BOOST_REQUIRE(node != nullptr);
      BOOST_REQUIRE(reinterpret_cast<std::uintptr_t>(node) % 64 == 0U);
      std::memset(node, 0x5a, bytes);
      BOOST_REQUIRE(nodes.insert(node).second);
      *node = static_cast<std::byte>(bytes & 0xff);
      std::memcpy(node + (bytes > 8 ? 1 : 0), &bytes, bytes > 8 ? sizeof bytes : 0);
    }
  }
  BOOST_TEST(own.memory->counters().nodes_in_use == 9000U);
  for (std::byte* node : nodes) {
    std::size_t bytes = 1;
    if (*node != std::byte{1}) std::memcpy(&bytes, node + 1, sizeof bytes);
    slab::free_node(node, bytes);
  }
  BOOST_TEST(own.memory->counters().nodes_in_use == 0U);
  BOOST_TEST(own.memory->counters().node_pages <= detail::node_classes);
}

BOOST_AUTO_TEST_CASE(a_thousand_connections_of_512_bytes_take_little_more_than_their_size) {
  own_slab own;
  std::vector<void*> nodes;
  for (int i = 0; i < 1000; ++i) nodes.push_back(own.memory->allocate_node(512));
  BOOST_TEST(own.memory->counters().bytes_in_use == 125U * 4096);
  for (void* node : nodes) slab::free_node(node, 512);
}

BOOST_AUTO_TEST_CASE(frames_above_1_KiB_come_from_blocks_up_to_1_MiB) {
  own_slab own;
  for (const std::size_t bytes : {std::size_t{1025}, std::size_t{5000}, std::size_t{1} << 20}) {
    void* frame = own.memory->allocate_node(bytes);
    BOOST_REQUIRE(frame != nullptr);
    std::memset(frame, 0, bytes);
    BOOST_TEST(own.memory->counters().nodes_in_use == 0U);
    slab::free_node(frame, bytes);
  }
  BOOST_TEST(own.memory->allocate_node((std::size_t{1} << 20) + 1) == nullptr);
  BOOST_TEST(own.memory->counters().failures == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(slab_limits)

BOOST_AUTO_TEST_CASE(a_reserve_as_large_as_the_limit_is_refused_at_start) {
  BOOST_CHECK_THROW(
      std::ignore = slab::make({.limit_bytes = std::size_t{2} << 20, .reserve_bytes = std::size_t{2} << 20}),
      std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(exhausted_it_says_so_serves_the_reserve_and_recovers) {
  own_slab own{{.limit_bytes = std::size_t{8} << 20, .reserve_bytes = std::size_t{256} << 10}};
  slab& memory = *own.memory;
  std::vector<block_ref> payload;
  while (auto block = memory.allocate_block(64 << 10)) payload.push_back(std::move(*block));
  while (auto block = memory.allocate_block(4096)) payload.push_back(std::move(*block));
  BOOST_TEST(memory.counters().failures == 2U);
  BOOST_TEST((memory.pressure() == pressure_level::critical));
  BOOST_TEST(memory.bytes_held() <= memory.limit());
  BOOST_TEST(memory.allocate_node(64) == nullptr);

  // What must not fail goes on: frames, messages, a reply of a few blocks.
  std::vector<void*> nodes;
  for (int i = 0; i < 100; ++i) nodes.push_back(memory.allocate_node(512, draw::reserve));
  std::vector<block_ref> replies;
  while (auto block = memory.allocate_block(4096, draw::reserve)) replies.push_back(std::move(*block));
  BOOST_TEST(std::count(nodes.begin(), nodes.end(), nullptr) == 0);
  BOOST_TEST(replies.size() == 64U - 13U);  // 256 KiB less the pages of 100 nodes
  BOOST_TEST(memory.bytes_held() <= memory.limit());
  BOOST_TEST(!memory.allocate_block(4096));  // and ordinary traffic doesn't get at it

  // A reserve that was used and given back is a reserve again.
  replies.clear();
  BOOST_TEST(!memory.allocate_block(4096));
  BOOST_TEST(memory.allocate_block(4096, draw::reserve).has_value());

  payload.clear();
  for (void* node : nodes) slab::free_node(node, 512);
  BOOST_TEST((memory.pressure() == pressure_level::ok));
  while (auto block = memory.allocate_block(64 << 10)) payload.push_back(std::move(*block));
  BOOST_TEST(payload.size() >= 120U);
}

BOOST_AUTO_TEST_CASE(pressure_rises_at_75_and_90_percent_and_falls_5_later) {
  own_slab own{{.limit_bytes = std::size_t{16} << 20, .reserve_bytes = 0}};
  slab& memory = *own.memory;
  std::vector<std::pair<pressure_level, double>> changes;
  const auto used = [&memory] {
    return static_cast<double>(memory.counters().bytes_in_use) / static_cast<double>(memory.budget());
  };
  memory.watch_pressure([&](pressure_level now) { changes.emplace_back(now, used()); });
  std::vector<block_ref> blocks;
  while (auto block = memory.allocate_block(4096)) blocks.push_back(std::move(*block));
  while (!blocks.empty()) blocks.pop_back();
  BOOST_REQUIRE(changes.size() == 4U);
  const std::pair<pressure_level, double> expected[] = {{pressure_level::high, 0.75},
                                                        {pressure_level::critical, 0.90},
                                                        {pressure_level::high, 0.85},
                                                        {pressure_level::ok, 0.70}};
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST((changes[i].first == expected[i].first));
    BOOST_TEST(std::abs(changes[i].second - expected[i].second) < 0.005);
  }
}

BOOST_AUTO_TEST_CASE(cached_memory_makes_way_when_the_limit_is_reached) {
  // 8 MiB: a cached mapping of 4 MiB must go when arenas need its place, and empty arenas when a mapping does.
  own_slab own{{.limit_bytes = std::size_t{8} << 20, .reserve_bytes = 0}};
  (void)own.memory->allocate_block(std::size_t{4} << 20);
  std::vector<block_ref> blocks;
  for (int i = 0; i < 4; ++i) blocks.push_back(own.memory->allocate_block(std::size_t{1} << 20).value());
  blocks.clear();
  BOOST_TEST(own.memory->allocate_block(std::size_t{4} << 20).has_value());
  BOOST_TEST(own.memory->bytes_held() <= own.memory->limit());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
