// SPDX-License-Identifier: Apache-2.0
// Accept distribution: where connections land, by policy. Every seed is another order of events.
#include <tests/sim/crowd.hpp>
#include <tests/sim/seeds.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

using shoal::accept_distribution;
using shoal::duration;
using shoal::shard_id;
using shoal::test::client_habit;
using shoal::test::crowd;
using shoal::test::for_each_seed;
using shoal::test::tally;
using namespace std::chrono_literals;

namespace {

const std::vector<accept_distribution> all_policies{
    accept_distribution::reuseport,         accept_distribution::incoming_cpu, accept_distribution::round_robin,
    accept_distribution::least_connections, accept_distribution::random_two,   accept_distribution::source_hash,
    accept_distribution::least_busy,        accept_distribution::fixed(2),
};

const client_habit once{.work = 100us, .pause = {}, .source = {}};
const client_habit stays{.work = 200us, .pause = 200ms, .source = {}};

struct outcome {
  tally brief;
  tally lasting;
};

/// So many of each, in an order and at times of the seed's.
outcome run_mixed(std::uint64_t seed, accept_distribution how, std::uint64_t brief, std::uint64_t lasting) {
  outcome seen;
  crowd everybody{seed, how};
  while (brief + lasting != 0) {
    const bool is_brief = everybody.chance().below(brief + lasting) < brief;
    --(is_brief ? brief : lasting);
    everybody.come(is_brief ? once : stays, is_brief ? seen.brief : seen.lasting);
    everybody.run_for(duration{static_cast<duration::rep>(everybody.chance().below(500'000))});
  }
  everybody.settle(10s);
  return seen;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(distribution_in_simulation)

BOOST_AUTO_TEST_CASE(ten_thousand_short_and_five_hundred_long_connections) {
  std::printf("%-20s %14s %14s   (max/mean over %zu shards)\n", "distribution", "10000 short", "500 long",
              crowd::shards);
  for (const auto how : all_policies) {
    const outcome seen = run_mixed(1, how, 10'000, 500);
    std::printf("%-20s %14.3f %14.3f\n", to_string(how).c_str(), seen.brief.max_to_mean(), seen.lasting.max_to_mean());
    BOOST_TEST(seen.brief.total() == 10'000U);
    BOOST_TEST(seen.lasting.total() == 500U);
    BOOST_TEST_CONTEXT(to_string(how)) {
      if (how == accept_distribution::least_connections || how == accept_distribution::least_busy) {
        BOOST_TEST(seen.lasting.max_to_mean() <= 1.05);
      }
      if (how == accept_distribution::random_two) BOOST_TEST(seen.lasting.max_to_mean() <= 1.2);
    }
  }
}

BOOST_AUTO_TEST_CASE(long_connections_are_even_whatever_the_seed) {
  for (const auto how : {accept_distribution::least_connections, accept_distribution::least_busy}) {
    for_each_seed(8, [how](std::uint64_t seed) {
      BOOST_TEST(run_mixed(seed, how, 400, 200).lasting.max_to_mean() <= 1.05, to_string(how));
    });
  }
}

BOOST_AUTO_TEST_CASE(round_robin_is_exact) {
  for_each_seed(8, [](std::uint64_t seed) {
    tally served;
    crowd everybody{seed, accept_distribution::round_robin};
    for (int i = 0; i < 400; ++i) everybody.come(once, served);
    everybody.settle(10s);
    BOOST_TEST(served.by_shard == (std::vector<std::uint64_t>{100, 100, 100, 100}), boost::test_tools::per_element());
  });
}

/// Connections that come one by one find all shards equal: a tie each time.
BOOST_AUTO_TEST_CASE(equals_are_told_apart_by_lot) {
  for (const auto how :
       {accept_distribution::least_connections, accept_distribution::random_two, accept_distribution::least_busy}) {
    for_each_seed(4, [how](std::uint64_t seed) {
      tally served;
      crowd everybody{seed, how};
      for (int i = 0; i < 400; ++i) {
        everybody.come({.work = 0us, .pause = {}, .source = {}}, served);
        everybody.settle(1s);
        everybody.run_for(1ms);
      }
      // Five standard deviations; the most that a fair lot does in three million runs.
      for (const std::uint64_t count : served.by_shard) BOOST_TEST((count > 56 && count < 144), to_string(how));
    });
  }
}

BOOST_AUTO_TEST_CASE(a_burst_in_one_turn_spreads) {
  for (const auto how : {accept_distribution::least_connections, accept_distribution::least_busy}) {
    for_each_seed(4, [how](std::uint64_t seed) {
      tally served;
      crowd everybody{seed, how};
      for (int i = 0; i < 200; ++i) everybody.come(stays, served);
      everybody.settle(1s);
      BOOST_TEST(served.by_shard == (std::vector<std::uint64_t>{50, 50, 50, 50}), boost::test_tools::per_element());
    });
  }
}

/// One shard idle, the others not: it gets more of a burst than they, but not all.
BOOST_AUTO_TEST_CASE(least_busy_does_not_herd) {
  for_each_seed(8, [](std::uint64_t seed) {
    tally first, busy, later;
    crowd everybody{seed, accept_distribution::least_busy};
    for (int i = 0; i < 40; ++i) everybody.come(stays, first);
    everybody.settle(1s);
    for (int i = 0; i < 3; ++i) {
      everybody.come({.work = 20ms, .pause = 30ms, .source = {}}, busy);
      everybody.settle(1s);
      everybody.run_for(300ms);
    }
    BOOST_REQUIRE(std::ranges::count(busy.by_shard, 1U) == 3);
    const auto idle = static_cast<std::size_t>(std::ranges::find(busy.by_shard, 0U) - busy.by_shard.begin());
    for (int i = 0; i < 60; ++i) everybody.come(stays, later);
    everybody.settle(1s);
    BOOST_TEST(later.by_shard[idle] > 15U);
    BOOST_TEST(later.by_shard[idle] < 40U);
  });
}

/// The same number everywhere, but one client of one shard asks for more: what comes then goes to the others, evenly.
BOOST_AUTO_TEST_CASE(least_busy_goes_by_work) {
  for_each_seed(8, [](std::uint64_t seed) {
    tally first, heavy, later;
    crowd everybody{seed, accept_distribution::least_busy};
    for (int i = 0; i < 40; ++i) everybody.come(stays, first);
    everybody.settle(1s);
    // One client that keeps a shard busy for four fifths.
    everybody.come({.work = 20ms, .pause = 5ms, .source = {}}, heavy);
    everybody.settle(1s);
    everybody.run_for(1s);
    const auto found = std::ranges::find(heavy.by_shard, 1U);
    const auto busy = static_cast<std::size_t>(found - heavy.by_shard.begin());
    BOOST_TEST(everybody.load(static_cast<shard_id>(busy)).smoothed > 0.6);
    for (int i = 0; i < 30; ++i) everybody.come(stays, later);
    everybody.settle(1s);
    BOOST_TEST(later.by_shard[busy] <= 1U);
    for (std::size_t s = 0; s < crowd::shards; ++s) {
      if (s != busy) BOOST_TEST((later.by_shard[s] >= 8 && later.by_shard[s] <= 12));
    }
  });
}

BOOST_AUTO_TEST_CASE(source_hash_keeps_a_peer_on_its_shard) {
  std::vector<tally> by_source(48);
  crowd everybody{1, accept_distribution::source_hash};
  for (std::size_t i = 0; i < by_source.size(); ++i) {
    const std::string source = "10.0.1." + std::to_string(i + 1);
    everybody.add_source(source);
    for (int n = 0; n < 5; ++n) everybody.come({.work = 0us, .pause = {}, .source = source}, by_source[i]);
  }
  everybody.settle(1s);
  std::vector<std::size_t> sources(crowd::shards);
  for (const tally& one : by_source) {
    BOOST_TEST(std::ranges::count(one.by_shard, 5U) == 1);
    ++sources[static_cast<std::size_t>(std::ranges::find(one.by_shard, 5U) - one.by_shard.begin())];
  }
  for (const std::size_t count : sources) BOOST_TEST((count >= 4 && count <= 24));
}

BOOST_AUTO_TEST_CASE(fixed_is_one_shard) {
  tally served;
  crowd everybody{1, accept_distribution::fixed(3)};
  for (int i = 0; i < 50; ++i) everybody.come(once, served);
  everybody.settle(1s);
  BOOST_TEST(served.by_shard[3] == 50U);
}

BOOST_AUTO_TEST_CASE(counts_follow_connections_to_where_they_are) {
  tally brief, lasting;
  crowd everybody{1, accept_distribution::least_connections};
  for (int i = 0; i < 100; ++i) everybody.come(stays, lasting);
  for (int i = 0; i < 100; ++i) everybody.come(once, brief);
  everybody.settle(1s);
  everybody.run_for(1s);  // the last of them are gone on both sides
  for (shard_id s = 0; s < crowd::shards; ++s) {
    BOOST_TEST(everybody.open_on(s) == lasting.by_shard[s]);
    BOOST_TEST(everybody.load(s).connections == lasting.by_shard[s]);
  }
}

/// A simulated machine pins nothing.
BOOST_AUTO_TEST_CASE(incoming_cpu_without_pinned_shards_says_so_once) {
  tally served;
  crowd everybody{1, accept_distribution::incoming_cpu};
  for (int i = 0; i < 100; ++i) everybody.come(once, served);
  everybody.settle(1s);
  BOOST_TEST(std::ranges::min(served.by_shard) > 0U);  // as reuseport does
  const std::string log = everybody.logged();
  BOOST_TEST(log.find("incoming_cpu") != std::string::npos, log);
  BOOST_TEST(log.find("incoming_cpu") == log.rfind("incoming_cpu"), log);
}

BOOST_AUTO_TEST_SUITE_END()
