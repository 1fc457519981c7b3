// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/foreign_slice.hpp>

#include <tests/buffers/bytes.hpp>
#include <tests/buffers/choices.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace shoal::test {

namespace {

std::string content_of(const foreign_slice& slice) {
  std::string all;
  for (const auto piece : slice.pieces()) all += text(piece);
  return all;
}

foreign_slice departed(link_buffer& buffer) { return foreign_slice::depart(buffer.take_all()).value(); }

}  // namespace

BOOST_AUTO_TEST_SUITE(foreign_slices)

BOOST_AUTO_TEST_CASE(bytes_leave_uncopied_and_go_home_by_themselves) {
  own_slab own;
  link_buffer buffer{*own.memory};
  adopt_pieces(buffer, {"in two ", "pieces"});
  foreign_slice slice = departed(buffer);
  BOOST_TEST(buffer.empty());
  BOOST_TEST(slice.size() == 13U);
  BOOST_TEST(slice.piece_count() == 2U);
  BOOST_TEST(own.memory->counters().foreign_out == 1U);
  std::thread{[slice = std::move(slice)] { must(content_of(slice) == "in two pieces"); }}.join();
  BOOST_TEST(own.memory->counters().blocks_in_use[0] == 2U);
  BOOST_TEST(own.memory->drain_returns() == 1U);
  BOOST_TEST(own.memory->drain_returns() == 0U);
  BOOST_TEST(own.memory->counters().foreign_returned == 1U);
  BOOST_TEST(own.memory->bytes_copied() == 0U);
}

BOOST_AUTO_TEST_CASE(nothing_departs_as_nothing) {
  own_slab own;
  link_buffer buffer{*own.memory};
  const foreign_slice slice = departed(buffer);
  BOOST_TEST(slice.empty());
  BOOST_TEST(slice.home() == no_shard);
  BOOST_TEST(own.memory->counters().foreign_out == 0U);
  link_buffer closed{*own.memory};
  closed.close();
  BOOST_TEST((foreign_slice::depart(std::move(closed)).error() == errc::closed));
}

BOOST_AUTO_TEST_CASE(a_slice_comes_home_as_the_buffer_it_was) {
  own_slab own;
  link_buffer buffer{*own.memory};
  receive(buffer, pattern(100000));
  foreign_slice slice = departed(buffer);
  link_buffer back = std::move(slice).come_home(*own.memory);
  BOOST_TEST((back == pattern(100000)));
  BOOST_TEST(own.memory->bytes_copied() == 0U);
  BOOST_TEST(slice.empty());
}

BOOST_AUTO_TEST_CASE(another_shard_sends_the_bytes_without_copying_them) {
  own_slab home;
  own_slab abroad{{.owner = 1}};
  {
    link_buffer buffer{*home.memory};
    receive(buffer, pattern(50000));
    link_buffer output{*abroad.memory};
    (void)output.write_string("header ");
    BOOST_TEST(output.append(departed(buffer)).has_value());
    (void)output.commit();
    BOOST_TEST((output == "header " + pattern(50000)));
    BOOST_TEST(abroad.memory->bytes_copied() == 7U);
    (void)output.consume(40000);
    const link_buffer kept = output.slice(10000).value();  // shares what is not at home here
    output.close();
    BOOST_TEST(kept.len() == 10000U);
    BOOST_TEST(home.memory->drain_returns() == 0U);
  }
  BOOST_TEST(home.memory->drain_returns() == 1U);
}

BOOST_AUTO_TEST_CASE(nodes_may_be_freed_on_any_thread) {
  own_slab own;
  void* node = own.memory->allocate_node(300);
  slab::node_departs(node);
  std::thread{[node] { slab::free_node_from_afar(node, 300); }}.join();
  BOOST_TEST(own.memory->counters().nodes_in_use == 1U);
  BOOST_TEST(own.memory->drain_returns() == 1U);
  BOOST_TEST(own.memory->counters().nodes_in_use == 0U);
}

BOOST_AUTO_TEST_CASE(a_slab_outlives_its_shard_until_the_last_slice_is_back) {
  const auto alive = std::make_shared<int>(0);
  std::vector<foreign_slice> abroad;
  {
    const slab_ptr memory = slab::make({.on_map = [alive](void*, std::size_t) {}});
    link_buffer buffer{*memory};
    for (int i = 0; i < 50; ++i) {
      receive(buffer, "a message that is still on its way");
      abroad.push_back(departed(buffer));
    }
    abroad.resize(40);  // ten are back before the shard ends, and nobody drained them
  }
  BOOST_TEST(alive.use_count() == 2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([part = std::vector<foreign_slice>{std::make_move_iterator(abroad.begin() + t * 10),
                                                            std::make_move_iterator(abroad.begin() + t * 10 + 10)}] {
      for (const foreign_slice& slice : part) must(content_of(slice).size() == 34);
    });
  }
  for (std::thread& t : threads) t.join();
  BOOST_TEST(alive.use_count() == 1);
}

namespace {

constexpr unsigned shards = 8;

/// What arrives from the other shards.
struct inbox {
  std::mutex lock;
  std::deque<foreign_slice> slices;
};

/// A shard that sends slices of its own to the others, and drops, keeps or forwards what it gets.
class exchanging_shard {
 public:
  exchanging_shard(unsigned id, std::array<inbox, shards>& boxes)
      : id_{id}, boxes_{boxes}, choices_{seed() + id}, memory_{slab::make({.owner = static_cast<shard_id>(id)})} {}

  void turn() {
    memory_->drain_returns();
    if (memory_->counters().foreign_out < 2000) send_own();
    for (foreign_slice& slice : arrived()) {
      check(slice);
      if (slice.home() == id_ && choices_.one_in(2))
        (void)std::move(slice).come_home(*memory_);
      else if (choices_.one_in(3))
        put(boxes_[choices_.below(shards)], std::move(slice));
      else if (choices_.one_in(8) && kept_.size() < 100)
        kept_.push_back(std::move(slice));
    }
    if (choices_.one_in(16)) kept_.clear();
  }
  void drop_all() {
    kept_.clear();
    (void)arrived();
  }
  /// When nobody holds a slice any more.
  void expect_all_home() {
    memory_->drain_returns();
    BOOST_TEST(memory_->counters().foreign_returned == sent_);
    BOOST_TEST(in_use(*memory_) == 0U);
  }

 private:
  void send_own() {
    link_buffer buffer{*memory_};
    const std::size_t size = 1 + choices_.below(choices_.one_in(8) ? 20000 : 200);
    receive(buffer, std::string(size, static_cast<char>('a' + id_)));
    if (choices_.one_in(2)) {
      // Two slices of one block, abroad at the same time, freed in any order.
      auto part = buffer.slice(size / 2).value();
      if (!part.empty()) leave(std::move(part));
    }
    leave(buffer.take_all());
  }
  void leave(link_buffer bytes) {
    put(boxes_[choices_.below(shards)], foreign_slice::depart(std::move(bytes)).value());
    ++sent_;
  }
  static void put(inbox& to, foreign_slice slice) {
    const std::lock_guard guard{to.lock};
    to.slices.push_back(std::move(slice));
  }
  std::deque<foreign_slice> arrived() {
    const std::lock_guard guard{boxes_[id_].lock};
    return std::exchange(boxes_[id_].slices, {});
  }
  static void check(const foreign_slice& slice) {
    const std::byte expected{static_cast<unsigned char>('a' + slice.home())};
    for (const auto piece : slice.pieces()) must(piece.front() == expected && piece.back() == expected);
  }

  unsigned id_;
  std::array<inbox, shards>& boxes_;
  choices choices_;
  slab_ptr memory_;
  std::vector<foreign_slice> kept_;
  std::uint64_t sent_ = 0;
};

}  // namespace

/// SHOAL_FOREIGN_SECONDS sets how long (default 1; the full run is 10).
BOOST_AUTO_TEST_CASE(eight_shards_free_each_others_slices_at_random) {
  const char* given = std::getenv("SHOAL_FOREIGN_SECONDS");
  const std::chrono::seconds time{given != nullptr ? std::atoi(given) : 1};
  (void)seed();
  std::array<inbox, shards> boxes;
  std::vector<std::unique_ptr<exchanging_shard>> all;
  for (unsigned id = 0; id < shards; ++id) all.push_back(std::make_unique<exchanging_shard>(id, boxes));
  const auto end = std::chrono::steady_clock::now() + time;
  std::atomic<std::uint64_t> turns{0};
  std::barrier stopped{shards};
  std::vector<std::thread> threads;
  for (const auto& shard : all) {
    threads.emplace_back([&shard = *shard, &stopped, &turns, end] {
      std::uint64_t mine = 0;
      for (; std::chrono::steady_clock::now() < end; ++mine) shard.turn();
      turns += mine;
      stopped.arrive_and_wait();  // nobody sends any more
      shard.drop_all();
    });
  }
  for (std::thread& t : threads) t.join();
  for (const auto& shard : all) shard->expect_all_home();
  BOOST_TEST_MESSAGE(turns.load() << " turns");
  BOOST_TEST(turns.load() > 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
