// SPDX-License-Identifier: Apache-2.0
// Who gives how much work to whom, and which connections make it up.
#include <shoal/net/balancer/rebalance_policy.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <numeric>
#include <vector>

using shoal::advise;
using shoal::choose_movers;
using shoal::no_shard;
using shoal::rebalance_candidate;
using shoal::rebalance_options;
using shoal::shard_view;
using namespace std::chrono_literals;

namespace {

using views = std::vector<shard_view>;

std::vector<rebalance_candidate> costs(const std::vector<double>& each) {
  std::vector<rebalance_candidate> made;
  for (std::size_t i = 0; i < each.size(); ++i) made.push_back({.index = i, .cost = each[i]});
  return made;
}

/// What a choice moves, as costs.
double moved(std::vector<rebalance_candidate> candidates, double share, std::size_t most = 1000) {
  const double total = std::accumulate(candidates.begin(), candidates.end(), 0.0,
                                       [](double sum, const rebalance_candidate& c) { return sum + c.cost; });
  const std::size_t count = choose_movers(candidates, total, share, most);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += candidates[i].cost;
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rebalance_policy)

BOOST_AUTO_TEST_CASE(the_busiest_gives_half_the_difference_to_the_idlest) {
  const views shards{{.busy = 0.9}, {.busy = 0.5}, {.busy = 0.1}};
  const auto advice = advise(shards, 0, {});
  BOOST_TEST(advice.to == 2);
  BOOST_TEST(std::abs(advice.share * 0.9 - 0.4) < 1e-9);
  BOOST_TEST(advise(shards, 1, {}).to == no_shard);
  BOOST_TEST(advise(shards, 2, {}).to == no_shard);
}

BOOST_AUTO_TEST_CASE(small_differences_and_little_work_are_no_reason) {
  BOOST_TEST(advise(views{{.busy = 0.8}, {.busy = 0.6}}, 0, {}).to == no_shard);
  BOOST_TEST(advise(views{{.busy = 0.4}, {.busy = 0.0}}, 0, {}).to == no_shard);
  BOOST_TEST(advise(views{{.busy = 0.8}, {.busy = 0.5}}, 0, {}).to == 1);
  BOOST_TEST(advise(views{{.busy = 1.0}}, 0, {}).to == no_shard);
}

BOOST_AUTO_TEST_CASE(among_shards_that_are_all_busy_waiting_decides) {
  const views shards{{.busy = 1, .queue_delay = 12ms}, {.busy = 1, .queue_delay = 1ms}};
  BOOST_TEST(advise(shards, 0, {}).to == 1);
  BOOST_TEST(advise(shards, 1, {}).to == no_shard);
  BOOST_TEST(advise(views{{.busy = 1, .queue_delay = 3ms}, {.busy = 1, .queue_delay = 1ms}}, 0, {}).to == no_shard);
  // One that hangs for a minute is not a thousand times as busy: it gives away no more than there is.
  BOOST_TEST(advise(views{{.busy = 1, .queue_delay = 60s}, {.busy = 0}}, 0, {}).share == 0.5);
}

BOOST_AUTO_TEST_CASE(givers_pair_with_takers_by_rank) {
  const views shards{{.busy = 0.2}, {.busy = 1.0}, {.busy = 0.9}, {.busy = 0.1}};
  BOOST_TEST(advise(shards, 1, {}).to == 3);
  BOOST_TEST(advise(shards, 2, {}).to == 0);
  BOOST_TEST(advise(shards, 0, {}).to == no_shard);
  BOOST_TEST(advise(shards, 3, {}).to == no_shard);
}

BOOST_AUTO_TEST_CASE(equals_at_the_top_do_not_give_to_one) {
  const views shards(4, {.busy = 1});
  for (shoal::shard_id s = 0; s < 4; ++s) BOOST_TEST(advise(shards, s, {}).to == no_shard);
  views two_idle{{.busy = 1}, {.busy = 1}, {.busy = 0}, {.busy = 0}};
  BOOST_TEST(advise(two_idle, 0, {}).to != advise(two_idle, 1, {}).to);
}

BOOST_AUTO_TEST_CASE(of_equally_idle_shards_the_near_one_takes) {
  const views shards{{.busy = 1}, {.busy = 0.02, .near = true}, {.busy = 0.01, .near = false}};
  BOOST_TEST(advise(shards, 0, {}).to == 1);
  const views busier{{.busy = 1}, {.busy = 0.5, .near = true}, {.busy = 0.01, .near = false}};
  BOOST_TEST(advise(busier, 0, {}).to == 2);
}

BOOST_AUTO_TEST_CASE(movers_make_up_the_share_and_no_more) {
  BOOST_TEST(moved(costs(std::vector<double>(64, 1)), 0.5) == 32);
  BOOST_TEST(moved(costs({50, 30, 10, 5, 5}), 0.4) == 40);
  BOOST_TEST(moved(costs(std::vector<double>(64, 1)), 0.5, 10) == 10);
  BOOST_TEST(moved(costs({0, 0, 0}), 0.5) == 0);
}

BOOST_AUTO_TEST_CASE(one_that_is_the_whole_load_stays) {
  BOOST_TEST(moved(costs({100}), 0.5) == 0);
  BOOST_TEST(moved(costs({100, 1}), 0.5) == 1);
  BOOST_TEST(moved(costs({50, 50}), 0.5) == 50);
  // Rather one too many than none, if that still helps.
  BOOST_TEST(moved(costs({50, 50}), 0.3) == 50);
}

BOOST_AUTO_TEST_SUITE_END()
