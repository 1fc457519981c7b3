// SPDX-License-Identifier: Apache-2.0
// Who gives how much work to whom, and which connections make it up.
#include <shoal/net/balancer/rebalance_policy.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <numeric>
#include <vector>

using shoal::advise;
using shoal::choose_movers;
using shoal::rebalance_candidate;
using shoal::rebalance_options;
using shoal::shard_view;
using namespace std::chrono_literals;

namespace {

using views = std::vector<shard_view>;

/// What `self` gives to `to`, as pressure.
double given(const views& shards, shoal::shard_id self, shoal::shard_id to) {
  double sum = 0;
  for (const auto& portion : advise(shards, self, {})) {
    if (portion.to == to) sum += portion.share * pressure_of(shards[self]);
  }
  return sum;
}
bool gives(const views& shards, shoal::shard_id self) { return !advise(shards, self, {}).empty(); }
bool is_near(double a, double b) { return std::abs(a - b) < 1e-9; }

std::vector<rebalance_candidate> costs(const std::vector<double>& each) {
  std::vector<rebalance_candidate> made;
  for (std::size_t i = 0; i < each.size(); ++i) made.push_back({.index = i, .cost = each[i]});
  return made;
}

/// What a choice moves, as costs.
double moved(std::vector<rebalance_candidate> candidates, double share, std::size_t most = 1000) {
  const double total = std::accumulate(candidates.begin(), candidates.end(), 0.0,
                                       [](double sum, const rebalance_candidate& c) { return sum + c.cost; });
  const std::size_t count = choose_movers(candidates, share * total, most);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += candidates[i].cost;
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rebalance_policy)

BOOST_AUTO_TEST_CASE(of_two_the_busier_gives_half_the_difference) {
  const views shards{{.busy = 0.9}, {.busy = 0.1}};
  BOOST_TEST(is_near(given(shards, 0, 1), 0.4));
  BOOST_TEST(!gives(shards, 1));
}

BOOST_AUTO_TEST_CASE(all_givers_together_bring_everybody_to_the_mean) {
  const views shards{{.busy = 1.0}, {.busy = 0.9}, {.busy = 0.1}, {.busy = 0.4}, {.busy = 0}};
  double mean = 0;
  for (const auto& one : shards) mean += one.busy / 5;
  for (shoal::shard_id to = 2; to < 5; ++to) {
    if (shards[to].busy >= mean) continue;
    const double gets = given(shards, 0, to) + given(shards, 1, to);
    BOOST_TEST(shards[to].busy + gets <= mean + 0.1);
    BOOST_TEST(shards[to].busy + gets >= mean - 0.1);
  }
  for (shoal::shard_id giver = 2; giver < 5; ++giver) BOOST_TEST(!gives(shards, giver));
}

BOOST_AUTO_TEST_CASE(one_full_shard_fills_all_idle_ones_alike) {
  views shards(8, {.busy = 0});
  shards[3] = {.busy = 1, .queue_delay = 30ms};
  for (shoal::shard_id to = 0; to < 8; ++to) {
    if (to != 3) BOOST_TEST(is_near(given(shards, 3, to), 0.5));
  }
}

BOOST_AUTO_TEST_CASE(small_differences_and_little_work_are_no_reason) {
  BOOST_TEST(!gives(views{{.busy = 0.8}, {.busy = 0.6}}, 0));
  BOOST_TEST(!gives(views{{.busy = 0.4}, {.busy = 0.0}}, 0));
  BOOST_TEST(gives(views{{.busy = 0.8}, {.busy = 0.5}}, 0));
  BOOST_TEST(!gives(views{{.busy = 1.0}}, 0));
  for (shoal::shard_id s = 0; s < 4; ++s) BOOST_TEST(!gives(views(4, {.busy = 1}), s));
}

BOOST_AUTO_TEST_CASE(among_shards_that_are_all_busy_waiting_decides) {
  const views shards{{.busy = 1, .queue_delay = 12ms}, {.busy = 1, .queue_delay = 1ms}};
  BOOST_TEST(gives(shards, 0));
  BOOST_TEST(!gives(shards, 1));
  BOOST_TEST(!gives(views{{.busy = 1, .queue_delay = 3ms}, {.busy = 1, .queue_delay = 1ms}}, 0));
  // One that hangs for a minute is not a thousand times as busy: it gives away no more than there is.
  BOOST_TEST(is_near(given(views{{.busy = 1, .queue_delay = 60s}, {.busy = 0}}, 0, 1), 2.5));
}

BOOST_AUTO_TEST_CASE(those_that_share_a_cache_get_more) {
  const views shards{{.busy = 1}, {.busy = 0, .near = true}, {.busy = 0, .near = false}};
  BOOST_TEST(is_near(given(shards, 0, 1), 2 * given(shards, 0, 2)));
  BOOST_TEST(given(shards, 0, 2) > 0);
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
