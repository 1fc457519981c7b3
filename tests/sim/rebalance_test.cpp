// SPDX-License-Identifier: Apache-2.0
// Rebalancing by load: connections that all began on one shard spread, and then stay where they are.
#include <tests/sim/crowd.hpp>
#include <tests/sim/seeds.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <iostream>
#include <string>

using shoal::accept_distribution;
using shoal::rebalance_mode;
using shoal::shard_id;
using shoal::test::client_habit;
using shoal::test::crowd;
using shoal::test::for_each_seed;
using shoal::test::tally;
using namespace std::chrono_literals;

namespace {

/// Far more than one shard can do.
const client_habit eager{.work = 200us, .pause = 100us, .source = {}};

struct course {
  std::uint64_t answers = 0;      // in one second, after two
  std::uint64_t moves = 0;        // in the first two seconds
  std::uint64_t later_moves = 0;  // after them
  std::uint64_t most = 0;         // connections of the fullest shard, at the end
  std::string log;
};

std::uint64_t moves_of(const crowd& everybody) {
  std::uint64_t sum = 0;
  for (shard_id s = 0; s < crowd::shards; ++s) sum += everybody.load(s).moves;
  return sum;
}

course run_skewed(std::uint64_t seed, rebalance_mode mode, const client_habit& habit, shoal::duration rest) {
  tally where;
  course seen;
  crowd everybody{seed, accept_distribution::fixed(0), mode};
  for (std::uint64_t i = 0; i < 64; ++i) everybody.come(habit, where);
  everybody.settle(10s);
  everybody.run_for(2s);
  seen.moves = moves_of(everybody);
  const std::uint64_t before = everybody.answers();
  everybody.run_for(1s);
  seen.answers = everybody.answers() - before;
  everybody.run_for(rest);
  seen.later_moves = moves_of(everybody) - seen.moves;
  for (shard_id s = 0; s < crowd::shards; ++s) seen.most = std::max(seen.most, everybody.open_on(s));
  seen.log = everybody.logged();
  return seen;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rebalance_in_simulation)

BOOST_AUTO_TEST_CASE(skewed_connections_spread_once_and_then_stay) {
  for_each_seed(1, [](std::uint64_t seed) {
    const course off = run_skewed(seed, rebalance_mode::off, eager, 0s);
    const course on = run_skewed(seed, rebalance_mode::automatic, eager, 14s);
    std::cout << "64 connections, 1 of 4 shards: " << off.answers << " answers, rebalanced " << on.answers << ", "
              << on.moves << " moves in 2 s, " << on.later_moves << " in the 15 s after; fullest shard " << on.most
              << std::endl;
    BOOST_TEST(off.moves == 0U);
    BOOST_TEST(static_cast<double>(on.answers) > 3.6 * static_cast<double>(off.answers));
    BOOST_TEST(on.later_moves == 0U);
    BOOST_TEST(on.most <= 32U);
  });
}

BOOST_AUTO_TEST_CASE(a_dry_run_reports_and_moves_nothing) {
  for_each_seed(1, [](std::uint64_t seed) {
    const course seen = run_skewed(seed, rebalance_mode::dry_run, eager, 1s);
    BOOST_TEST(seen.moves + seen.later_moves == 0U);
    BOOST_TEST(seen.log.find("would move from shard 0") != std::string::npos);
  });
}

BOOST_AUTO_TEST_CASE(who_has_little_to_do_moves_nothing) {
  const client_habit lazy{.work = 200us, .pause = 100ms, .source = {}};
  for_each_seed(1, [&](std::uint64_t seed) {
    const course seen = run_skewed(seed, rebalance_mode::automatic, lazy, 5s);
    BOOST_TEST(seen.moves + seen.later_moves == 0U);
  });
}

BOOST_AUTO_TEST_SUITE_END()
