// SPDX-License-Identifier: Apache-2.0
// Connections that move at every possible moment lose nothing, end once, and are found by their names.
#include <tests/sim/move_world.hpp>
#include <tests/sim/seeds.hpp>

#include <boost/test/unit_test.hpp>

#include <iostream>

using shoal::sim::perfect_network;
using shoal::test::for_each_seed;
using shoal::test::move_outcome;
using shoal::test::run_move_world;
using shoal::test::run_pair_world;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t usual_seeds = 50;
#else
constexpr std::uint64_t usual_seeds = 200;
#endif

struct totals {
  std::uint64_t whole = 0;
  std::uint64_t dialled = 0;
  std::uint64_t moves = 0;
  std::uint64_t posts = 0;
  std::uint64_t full_lanes = 0;
  void add(const move_outcome& one) {
    for (const auto& problem : one.problems) BOOST_TEST(problem == "");
    whole += one.whole;
    dialled += one.dialled;
    moves += one.moves;
    posts += one.posts;
    full_lanes += one.full_lanes;
  }
  void print() const {
    std::cout << dialled << " dialled, " << whole << " whole, " << moves << " moves, " << posts << " posts, "
              << full_lanes << " times a full lane" << std::endl;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(move_torture)

BOOST_AUTO_TEST_CASE(moves_alone_break_nothing) {
  totals sum;
  for_each_seed(usual_seeds / 3, [&](std::uint64_t seed) {
    const auto outcome = run_move_world(seed, {.profile = perfect_network(), .mishaps = false});
    sum.add(outcome);
    BOOST_TEST(outcome.whole == outcome.dialled);
  });
  sum.print();
  BOOST_TEST(sum.moves > sum.dialled);
}

BOOST_AUTO_TEST_CASE(whatever_else_happens_bytes_are_whole_or_both_sides_know) {
  totals sum;
  for_each_seed(usual_seeds, [&](std::uint64_t seed) { sum.add(run_move_world(seed)); });
  sum.print();
  if (shoal::test::given_seed()) return;
  BOOST_TEST(sum.whole > sum.dialled / 4);
  BOOST_TEST(sum.moves > sum.dialled);
  BOOST_TEST(sum.posts > sum.dialled);
  BOOST_TEST(sum.full_lanes > 0U);
}

BOOST_AUTO_TEST_CASE(pairs_that_move_lose_nothing) {
  totals sum;
  for_each_seed(usual_seeds / 3, [&](std::uint64_t seed) {
    const auto outcome = run_pair_world(seed, {.profile = perfect_network(), .mishaps = false});
    sum.add(outcome);
    BOOST_TEST(outcome.whole == outcome.dialled);
  });
  sum.print();
  BOOST_TEST(sum.moves > sum.dialled);
}

BOOST_AUTO_TEST_CASE(pairs_are_whole_or_both_sides_know) {
  totals sum;
  for_each_seed(usual_seeds, [&](std::uint64_t seed) { sum.add(run_pair_world(seed)); });
  sum.print();
  if (shoal::test::given_seed()) return;
  BOOST_TEST(sum.whole > sum.dialled / 4);
  BOOST_TEST(sum.moves > sum.dialled);
  BOOST_TEST(sum.full_lanes > 0U);
}

BOOST_AUTO_TEST_CASE(a_seed_is_a_run) {
  for_each_seed(5, [](std::uint64_t seed) {
    BOOST_TEST(run_move_world(seed).hash == run_move_world(seed).hash);
    BOOST_TEST(run_pair_world(seed).hash == run_pair_world(seed).hash);
  });
}

BOOST_AUTO_TEST_SUITE_END()
