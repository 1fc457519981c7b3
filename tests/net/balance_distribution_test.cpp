// SPDX-License-Identifier: Apache-2.0
// How evenly each policy spreads its picks, and how many keys move when an endpoint goes.
#include <shoal/net/upstream/maglev.hpp>
#include <shoal/net/upstream/ring_hash.hpp>
#include <shoal/net/upstream/upstream.hpp>
#include <tests/net/balance_rig.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

using shoal::balance_policy;
using shoal::random_source;
using shoal::upstream;
using namespace shoal::test;

namespace {

constexpr std::uint32_t picks = 40'000;

struct fit {
  double chi_square = 0;
  double worst = 0;  // deviation from what was expected, as a part of it
};

fit compare(const std::vector<double>& counts, const std::vector<unsigned>& weights) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  fit made;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = total * weights[i] / sum;
    made.chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
    made.worst = std::max(made.worst, std::abs(counts[i] - expected) / expected);
  }
  return made;
}

fit spread(balance_policy policy, const std::vector<unsigned>& weights) {
  random_source random{seed()};
  upstream up{with(policy, weights), random};
  const fit made = compare(counts_of(up, places_of(up, picks)), weights);
  BOOST_TEST_MESSAGE(to_string(policy) << " over " << weights.size() << " endpoints: chi-square " << made.chi_square
                                       << ", worst deviation " << made.worst * 100 << " %");
  return made;
}

/// The share of keys that are elsewhere, in per cent.
struct movement {
  double all = 0;
  double needless = 0;  // that had another endpoint
};

movement moved(const std::string& before, const std::string& after, char left) {
  movement made;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] == after[i]) continue;
    ++made.all;
    if (before[i] != left) ++made.needless;
  }
  made.all *= 100.0 / static_cast<double>(before.size());
  made.needless *= 100.0 / static_cast<double>(before.size());
  return made;
}

/// Each of ten endpoints leaves the list once: the most that moved.
movement worst_of_ten(balance_policy policy, const std::vector<unsigned>& weights) {
  random_source random{1};
  const auto all = with(policy, weights);
  upstream whole{all, random};
  const auto before = places_of(whole, picks);
  movement worst;
  for (std::size_t gone = 0; gone < 10; ++gone) {
    auto nine = all;
    nine.endpoints.erase(nine.endpoints.begin() + static_cast<std::ptrdiff_t>(gone));
    upstream rest{nine, random};
    const auto now = moved(before, places_of(rest, picks), all.endpoints[gone].name.front());
    worst = {std::max(worst.all, now.all), std::max(worst.needless, now.needless)};
  }
  BOOST_TEST_MESSAGE(to_string(policy) << ": one of ten leaves: at most " << worst.all << " % of the keys move, "
                                       << worst.needless << " % of others' keys");
  return worst;
}

const std::vector<unsigned> ten(10, 1);

}  // namespace

BOOST_AUTO_TEST_SUITE(balance_distribution)

BOOST_AUTO_TEST_CASE(each_policy_spreads_evenly) {
  // 9 degrees of freedom: above 45 once in a million runs. 4,000 each, with a deviation of 60.
  for (const auto policy : all_policies) {
    const fit got = spread(policy, ten);
    if (policy == balance_policy::ring_hash) {
      BOOST_TEST(got.worst < 0.12);  // 3 % by its 1024 points each
    } else {
      BOOST_TEST(got.chi_square < 45, to_string(policy));
      BOOST_TEST(got.worst < 0.08, to_string(policy));
    }
  }
}

BOOST_AUTO_TEST_CASE(each_policy_honours_weights) {
  for (const auto policy : all_policies) {
    const double most = policy == balance_policy::ring_hash ? 0.15 : 0.08;
    BOOST_TEST(spread(policy, {1, 2, 3, 4}).worst < most, to_string(policy));
    BOOST_TEST(spread(policy, {1, 1, 1, 10}).worst < most, to_string(policy));
  }
}

BOOST_AUTO_TEST_CASE(few_keys_move_when_one_of_ten_leaves_the_list) {
  BOOST_TEST(worst_of_ten(balance_policy::maglev, ten).all <= 15.0);
  const auto ring = worst_of_ten(balance_policy::ring_hash, ten);
  BOOST_TEST(ring.all <= 12.0);
  BOOST_TEST(ring.needless == 0.0);
  const auto source = worst_of_ten(balance_policy::source_hash, ten);
  BOOST_TEST(source.all <= 12.0);
  BOOST_TEST(source.needless == 0.0);
}

BOOST_AUTO_TEST_CASE(weights_do_not_make_a_ring_move_more) {
  const auto ring = worst_of_ten(balance_policy::ring_hash, {1, 2, 1, 2, 1, 2, 1, 2, 1, 2});
  BOOST_TEST(ring.all <= 2.0 / 15 * 120);  // what it had, and a fifth
  BOOST_TEST(ring.needless == 0.0);
}

BOOST_AUTO_TEST_CASE(only_the_keys_of_one_that_goes_down_move_and_they_come_back) {
  for (const auto policy : hash_policies) {
    random_source random{1};
    upstream up{with(policy, ten), random};
    const auto before = places_of(up, picks);
    for (std::size_t down = 0; down < 10; ++down) {
      up.endpoints()[down].set_up(false);
      const auto meanwhile = places_of(up, picks);
      const auto got = moved(before, meanwhile, up.endpoints()[down].name().front());
      if (down == 0) BOOST_TEST_MESSAGE(to_string(policy) << ": a of ten is down: " << got.all << " % of the keys");
      BOOST_TEST(got.all <= 12.0);
      BOOST_TEST(got.needless == 0.0);
      // And what it had is shared by all the others: a ninth of a tenth each.
      for (const auto& e : up.endpoints()) {
        const auto here = static_cast<double>(std::ranges::count(meanwhile, e.name().front())) / picks;
        if (&e != &up.endpoints()[down]) BOOST_TEST(here < 0.14);
      }
      up.endpoints()[down].set_up(true);
    }
    BOOST_TEST((places_of(up, picks) == before));
  }
}

BOOST_AUTO_TEST_CASE(the_order_of_the_list_does_not_matter) {
  for (const auto policy : hash_policies) {
    random_source random{1};
    auto options = with(policy, {3, 1, 2, 1, 5});
    upstream up{options, random};
    std::ranges::reverse(options.endpoints);
    upstream reversed{options, random};
    BOOST_TEST((places_of(up, 5'000) == places_of(reversed, 5'000)), to_string(policy));
  }
}

BOOST_AUTO_TEST_CASE(one_address_twice_is_two_endpoints) {
  for (const auto policy : hash_policies) {
    random_source random{1};
    auto options = with(policy, {1, 1, 1, 1});
    options.endpoints[3].where = options.endpoints[0].where;
    upstream up{options, random};
    for (const double count : counts_of(up, places_of(up, 40'000))) BOOST_TEST(count > 8'500);
  }
}

BOOST_AUTO_TEST_CASE(shards_do_not_begin_with_the_same_endpoint) {
  for (const auto policy : all_policies) {
    random_source random{seed()};
    std::set<std::string> first;
    for (int shard = 0; shard < 200; ++shard) {
      upstream up{with(policy, {1, 1, 1, 1}), random};
      first.insert(up.pick({}, {.hash = 42})->name());
    }
    // Where the hash decides, all shards agree, or a client would go elsewhere from each.
    BOOST_TEST(first.size() == (goes_by_hash(policy) ? 1U : 4U), to_string(policy));
  }
}

BOOST_AUTO_TEST_CASE(tables_are_bounded_whatever_the_list) {
  const auto list = [](std::size_t count, unsigned weight, unsigned first) {
    std::vector<unsigned> weights(count, weight);
    weights[0] = first;
    return weights;
  };
  for (const auto& weights : {list(1, 1, 1), list(10, 1, 1), list(100, 1, 65535), list(4096, 65535, 1),
                              list(4096, 1, 65535), list(2, 65535, 65535)}) {
    const auto options = with(balance_policy::ring_hash, weights);
    const shoal::ring_hash ring{options.endpoints};
    const shoal::maglev table{options.endpoints};
    BOOST_TEST_MESSAGE(weights.size() << " endpoints: " << ring.size() << " points, " << table.size() << " slots");
    BOOST_TEST(ring.size() <= shoal::ring_hash::max_points + weights.size());
    BOOST_TEST(table.size() <= shoal::maglev::large_size);
    std::vector<bool> on_ring(weights.size()), in_table(weights.size());
    for (std::size_t i = 0; i < ring.size(); ++i) on_ring[ring.owner(i)] = true;
    for (std::size_t i = 0; i < table.size(); ++i) in_table[table.owner(i)] = true;
    BOOST_TEST(std::ranges::count(on_ring, true) == std::ssize(weights));
    BOOST_TEST(std::ranges::count(in_table, true) == std::ssize(weights));
  }
}

BOOST_AUTO_TEST_CASE(a_client_is_its_ip_and_not_its_port) {
  using shoal::pick_hash;
  const auto of = [](const char* text) { return pick_hash(*shoal::parse_address(text)); };
  BOOST_TEST(of("192.0.2.1:1") == of("192.0.2.1:60000"));
  BOOST_TEST(of("192.0.2.1:1") != of("192.0.2.2:1"));
  BOOST_TEST(of("[::ffff:192.0.2.1]:1") == of("192.0.2.1:1"));
  BOOST_TEST(of("[2001:db8::1]:1") != of("[2001:db8::2]:1"));
  BOOST_TEST(of("unix:") == of("unix:@somebody"));
  // The same in every build and after every restart.
  BOOST_TEST(of("192.0.2.1:1") == 3178573899526495306U);
}

BOOST_AUTO_TEST_SUITE_END()
