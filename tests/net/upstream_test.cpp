// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/upstream.hpp>

#include <tests/net/balance_rig.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using shoal::balance_policy;
using shoal::endpoint;
using shoal::endpoint_lease;
using shoal::random_source;
using shoal::tried_endpoints;
using shoal::upstream;
using shoal::test::all_policies;
using shoal::test::with;

namespace {

std::string names_of(upstream& up, int picks) {
  std::string names;
  for (int i = 0; i < picks; ++i) {
    names += up.pick({}, {.hash = shoal::test::client_hash(static_cast<std::uint32_t>(i))})->name();
  }
  return names;
}

std::map<char, int> counted(const std::string& names) {
  std::map<char, int> counts;
  for (const char c : names) ++counts[c];
  return counts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(upstream_suite)

BOOST_AUTO_TEST_CASE(round_robin_is_exact_over_every_cycle_and_mixes_evenly) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    random_source random{seed};
    upstream up{with(balance_policy::round_robin, {5, 1, 1}), random};
    const auto names = names_of(up, 70);
    for (std::size_t at = 0; at + 7 <= names.size(); ++at) {
      auto counts = counted(names.substr(at, 7));
      BOOST_TEST((counts['a'] == 5 && counts['b'] == 1 && counts['c'] == 1), names);
    }
    BOOST_TEST(std::string("aabacaaaabacaa").find(names.substr(0, 7)) != std::string::npos, names);
  }
}

BOOST_AUTO_TEST_CASE(round_robin_starts_elsewhere_on_every_shard) {
  random_source random{shoal::test::seed()};
  std::set<std::string> starts;
  for (int shard = 0; shard < 200; ++shard) {
    upstream up{with(balance_policy::round_robin, {1, 1, 1, 1}), random};
    starts.insert(names_of(up, 1));
  }
  BOOST_TEST(starts.size() == 4U);
}

BOOST_AUTO_TEST_CASE(round_robin_weights_of_any_size_start_quickly) {
  random_source random{1};
  upstream up{with(balance_policy::round_robin, {65535, 65534, 1}), random};
  const auto counts = counted(names_of(up, 10'000));
  BOOST_TEST(counts.at('a') - counts.at('b') <= 2);
}

BOOST_AUTO_TEST_CASE(random_and_random_two_follow_the_weights) {
  for (const auto policy : {balance_policy::random, balance_policy::random_two}) {
    random_source random{shoal::test::seed()};
    upstream up{with(policy, {1, 1, 1, 1}), random};
    for (const auto& [name, count] : counted(names_of(up, 40'000))) {
      BOOST_TEST(count > 9'500, name);  // 10,000 with a deviation of 87
      BOOST_TEST(count < 10'500, name);
    }
  }
  random_source random{shoal::test::seed()};
  upstream up{with(balance_policy::random, {9, 1}), random};
  const auto counts = counted(names_of(up, 10'000));
  BOOST_TEST(counts.at('b') > 800);  // 1,000 with a deviation of 30
  BOOST_TEST(counts.at('b') < 1'200);
}

BOOST_AUTO_TEST_CASE(least_connections_keeps_open_connections_in_proportion_to_weight) {
  random_source random{shoal::test::seed()};
  upstream up{with(balance_policy::least_connections, {4, 2, 1}), random};
  std::deque<endpoint_lease> open;
  for (int i = 0; i < 700; ++i) open.emplace_back(*up.pick());
  BOOST_TEST(up.endpoints()[0].active() == 400U);
  BOOST_TEST(up.endpoints()[1].active() == 200U);
  BOOST_TEST(up.endpoints()[2].active() == 100U);
  std::erase_if(open, [&](const endpoint_lease& l) { return l.get() == &up.endpoints()[1]; });
  for (int i = 0; i < 150; ++i) open.emplace_back(*up.pick());
  BOOST_TEST(up.endpoints()[1].active() == 150U);  // all go to the one that was emptied
}

BOOST_AUTO_TEST_CASE(least_connections_breaks_ties_by_weight) {
  random_source random{shoal::test::seed()};
  upstream up{with(balance_policy::least_connections, {3, 1}), random};
  const auto counts = counted(names_of(up, 4'000));  // nobody stays connected: always a tie
  BOOST_TEST(counts.at('b') > 850);                  // 1,000 with a deviation of 27
  BOOST_TEST(counts.at('b') < 1'150);
}

BOOST_AUTO_TEST_CASE(random_two_evens_out_what_random_leaves_uneven) {
  // 10,000 connections over 100 endpoints. The fullest of "random" is about 30 above the mean, that of two choices
  // about 3.
  random_source random{shoal::test::seed()};
  shoal::upstream_options options = with(balance_policy::random_two, std::vector<unsigned>(100, 1));
  upstream up{options, random};
  std::deque<endpoint_lease> open;
  for (int i = 0; i < 10'000; ++i) open.emplace_back(*up.pick());
  const auto fullest = std::ranges::max(up.endpoints(), {}, &endpoint::active).active();
  BOOST_TEST(fullest <= 108U);
}

BOOST_AUTO_TEST_CASE(random_two_compares_two_different_ones) {
  random_source random{shoal::test::seed()};
  upstream up{with(balance_policy::random_two, {1, 1}), random};
  const endpoint_lease busy{up.endpoints()[0]};
  BOOST_TEST(names_of(up, 50) == std::string(50, 'b'));
}

BOOST_AUTO_TEST_CASE(what_was_tried_is_not_picked_again) {
  for (const auto policy : all_policies) {
    random_source random{shoal::test::seed()};
    upstream up{with(policy, {7, 1, 3}), random};
    for (int client = 0; client < 200; ++client) {
      tried_endpoints tried;
      std::set<const endpoint*> seen;
      while (endpoint* e = up.pick(tried, {.hash = static_cast<std::uint64_t>(client)})) {
        BOOST_TEST(seen.insert(e).second);
        tried.add(*e);
      }
      BOOST_TEST(seen.size() == 3U);
    }
  }
}

BOOST_AUTO_TEST_CASE(connect_attempts_bounds_how_many_are_tried) {
  for (const auto policy : all_policies) {
    random_source random{1};
    auto options = with(policy, {1, 1, 1, 1, 1});
    options.connect_attempts = 2;
    upstream up{options, random};
    tried_endpoints tried;
    tried.add(*up.pick(tried));
    tried.add(*up.pick(tried));
    BOOST_TEST(up.pick(tried) == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(down_and_weightless_endpoints_get_nothing) {
  for (const auto policy : all_policies) {
    random_source random{shoal::test::seed()};
    upstream up{with(policy, {1, 0, 1}), random};
    up.endpoints()[0].set_up(false);
    BOOST_TEST(names_of(up, 50) == std::string(50, 'c'));
    up.endpoints()[0].set_up(true);
    BOOST_TEST(counted(names_of(up, 200)).size() == 2U);
  }
}

BOOST_AUTO_TEST_CASE(nobody_to_pick) {
  for (const auto policy : all_policies) {
    random_source random{1};
    upstream empty{with(policy, {}), random};
    BOOST_TEST(empty.pick() == nullptr);
    upstream down{with(policy, {1, 1}), random};
    for (auto& e : down.endpoints()) e.set_up(false);
    BOOST_TEST(down.pick() == nullptr);
    upstream drained{with(policy, {0, 0}), random};
    BOOST_TEST(drained.pick() == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(the_same_seed_picks_the_same) {
  for (const auto policy : all_policies) {
    random_source first{shoal::test::seed()}, second{shoal::test::seed()};
    upstream a{with(policy, {3, 2, 2, 1}), first}, b{with(policy, {3, 2, 2, 1}), second};
    BOOST_TEST(names_of(a, 500) == names_of(b, 500));
  }
}

BOOST_AUTO_TEST_CASE(a_lease_counts_exactly) {
  endpoint e{{.where = *shoal::parse_address("127.0.0.1:80"), .weight = 1, .name = {}}};
  BOOST_TEST(e.name() == "127.0.0.1:80");
  {
    endpoint_lease first{e};
    endpoint_lease second{e};
    BOOST_TEST(e.active() == 2U);
    endpoint_lease moved{std::move(first)};
    first = std::move(moved);
    BOOST_TEST(e.active() == 2U);
    second.fail();
    BOOST_TEST(e.active() == 1U);
    BOOST_TEST(second.get() == nullptr);
    first = endpoint_lease{e};
    BOOST_TEST(e.active() == 1U);
  }
  BOOST_TEST(e.active() == 0U);
  BOOST_TEST(e.attempts() == 3U);
  BOOST_TEST(e.failures() == 1U);
}

BOOST_AUTO_TEST_CASE(limits_are_refused_by_name) {
  random_source random{1};
  const auto refused = [&](auto change, std::string_view word) {
    auto options = with(balance_policy::random, {1});
    change(options);
    BOOST_CHECK_EXCEPTION(upstream(options, random), std::invalid_argument, [&](const std::invalid_argument& error) {
      const std::string_view text{error.what()};
      return text.starts_with("upstream test: ") && text.find(word) != std::string_view::npos;
    });
  };
  refused([](auto& o) { o.connect_attempts = 0; }, "connect_attempts");
  refused([](auto& o) { o.connect_attempts = 17; }, "connect_attempts");
  refused([](auto& o) { o.endpoints[0].weight = 65536; }, "weight");
  refused([](auto& o) { o.endpoints.resize(4097); }, "endpoints");
  refused([](auto& o) { o.hash_balance_factor = 99; }, "hash_balance_factor");
  refused([](auto& o) { o.panic_threshold = 101; }, "panic_threshold");
}

BOOST_AUTO_TEST_CASE(policies_have_names) {
  for (const auto policy : all_policies) BOOST_TEST((shoal::parse_balance_policy(to_string(policy)) == policy));
  BOOST_TEST(!shoal::parse_balance_policy("best").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
