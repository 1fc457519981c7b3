// SPDX-License-Identifier: Apache-2.0
// What bends the shares: bounded load, slow starts, and panic.
#include <shoal/net/upstream/load_bound.hpp>
#include <shoal/net/upstream/upstream.hpp>
#include <tests/net/balance_rig.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

using shoal::balance_policy;
using shoal::endpoint_lease;
using shoal::instant;
using shoal::load_bound;
using shoal::random_source;
using shoal::upstream;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

/// A few clients have most of the connections: of a hundred; client n comes 1 / (n + 1) as often as the first.
std::uint32_t popular_client(random_source& random) {
  const double drawn = static_cast<double>(random.below(1U << 30U)) / static_cast<double>(1U << 30U);
  return static_cast<std::uint32_t>(std::exp(drawn * std::log(100.0))) - 1;
}

struct load_seen {
  double most_of_bound = 0;  // connections of the fullest, as a part of what it may have
  double most_of_mean = 0;
  int elsewhere = 0;  // picks that did not go where the key belongs
};

/// Connections come and go, up to 1,000 at once.
load_seen drive(balance_policy policy, const std::vector<unsigned>& weights, unsigned factor, bool popular) {
  random_source random{seed()};
  auto options = with(policy, weights);
  options.hash_balance_factor = factor;
  upstream up{options, random}, idle{options, random};
  unsigned sum = 0;
  for (const unsigned w : weights) sum += w;
  std::vector<endpoint_lease> open;
  load_seen seen;
  for (int step = 0; step < 20'000; ++step) {
    if (open.size() > 990 || (!open.empty() && random.below(100) < 45)) {
      std::swap(open[static_cast<std::size_t>(random.below(open.size()))], open.back());
      open.pop_back();
      continue;
    }
    const auto client = popular ? popular_client(random) : static_cast<std::uint32_t>(random.below(1U << 31U));
    auto* const picked = up.pick({}, {.hash = client_hash(client)});
    open.emplace_back(*picked);
    seen.elsewhere += picked->name() == idle.pick({}, {.hash = client_hash(client)})->name() ? 0 : 1;
    const double fair = static_cast<double>(open.size()) * picked->weight() / sum;
    const double bound = std::max(std::ceil(fair * (factor == 0 ? 100 : factor) / 100),
                                  static_cast<double>(load_bound::always_room_for));
    seen.most_of_bound = std::max(seen.most_of_bound, picked->active() / bound);
    if (open.size() > 500) seen.most_of_mean = std::max(seen.most_of_mean, picked->active() / fair);
  }
  BOOST_TEST_MESSAGE(to_string(policy) << ", factor " << factor << (popular ? ", popular keys" : ", even keys")
                                       << ": fullest " << seen.most_of_mean << " x its share, "
                                       << seen.elsewhere * 100 / 11'000 << " % of keys elsewhere");
  return seen;
}

/// The part of the picks that the first of four gets.
double part_of_first(upstream& up, instant now) {
  constexpr std::uint32_t clients = 10'000;
  return counts_of(up, places_of(up, clients, now)).front() / clients;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(balance_bound)

BOOST_AUTO_TEST_CASE(bounded_load_is_never_exceeded) {
  for (const auto policy : {balance_policy::ring_hash, balance_policy::maglev}) {
    for (const unsigned factor : {100U, 125U, 150U, 200U}) {
      BOOST_TEST(drive(policy, std::vector<unsigned>(10, 1), factor, true).most_of_bound <= 1.0);
      BOOST_TEST(drive(policy, {1, 2, 3, 4}, factor, true).most_of_bound <= 1.0);
    }
    // Else it would be, at every seed: one client alone has 15 % of the picks, one and a half times an even share.
    BOOST_TEST(drive(policy, std::vector<unsigned>(10, 1), 0, true).most_of_mean > 1.6);
  }
}

BOOST_AUTO_TEST_CASE(the_usual_bound_leaves_even_keys_alone) {
  for (const auto policy : {balance_policy::ring_hash, balance_policy::maglev}) {
    BOOST_TEST(drive(policy, std::vector<unsigned>(10, 1), 150, false).elsewhere < 110);  // of some 11,000
  }
}

BOOST_AUTO_TEST_CASE(a_few_connections_are_never_torn_apart) {
  for (const auto policy : {balance_policy::ring_hash, balance_policy::maglev}) {
    random_source random{1};
    upstream up{with(policy, std::vector<unsigned>(10, 1)), random};
    std::vector<endpoint_lease> open;
    std::map<std::string, unsigned> places;
    for (unsigned i = 0; i < load_bound::always_room_for; ++i) {
      auto* const picked = up.pick({}, {.hash = client_hash(7)});
      ++places[picked->name()];
      open.emplace_back(*picked);
    }
    BOOST_TEST(places.size() == 1U);
    open.emplace_back(*up.pick({}, {.hash = client_hash(7)}));
    BOOST_TEST(open.back().get() != open.front().get());
  }
}

BOOST_AUTO_TEST_CASE(a_full_upstream_still_has_somebody) {
  // Ten leave one after the other while everybody is connected: there is always an endpoint for the next.
  for (const auto policy : {balance_policy::ring_hash, balance_policy::maglev}) {
    random_source random{1};
    upstream up{with(policy, std::vector<unsigned>(10, 1)), random};
    std::vector<endpoint_lease> open;
    for (int i = 0; i < 1'000; ++i) open.emplace_back(*up.pick({}, {.hash = client_hash(7)}));
    for (auto& e : up.endpoints()) {
      BOOST_TEST_REQUIRE((up.pick({}, {.hash = client_hash(7)}) != nullptr));
      e.set_up(false);
    }
    BOOST_TEST((up.pick({}, {.hash = client_hash(7)}) == nullptr));
  }
}

BOOST_AUTO_TEST_CASE(who_comes_up_gets_more_and_more) {
  const instant start{100h};
  for (const auto policy : all_policies) {
    random_source random{seed()};
    auto options = with(policy, {2, 2, 2, 2});
    options.slow_start = 30s;
    upstream up{options, random};
    const double usual = part_of_first(up, start);
    up.set_up(0, false, start);
    BOOST_TEST(part_of_first(up, start) == 0.0);
    up.set_up(0, true, start);
    double last = 0;
    for (const auto after : {0s, 10s, 20s, 29s}) {
      const double now = part_of_first(up, start + after);
      BOOST_TEST_MESSAGE(to_string(policy) << " " << after.count() << " s after: " << now * 100 << " %");
      BOOST_TEST(now > last, to_string(policy));
      if (after == 0s) BOOST_TEST(now < 0.05);  // a tenth of its weight
      if (after == 10s) BOOST_TEST(now < 0.16);
      last = now;
    }
    BOOST_TEST(std::abs(part_of_first(up, start + 30s) - usual) < 0.02);
  }
}

BOOST_AUTO_TEST_CASE(keys_move_once_to_who_comes_up) {
  const instant start{100h};
  for (const auto policy : hash_policies) {
    random_source random{1};
    auto options = with(policy, {1, 1, 1, 1});
    options.slow_start = 30s;
    upstream up{options, random};
    up.set_up(0, false, start);
    auto before = places_of(up, 4'000, start);
    up.set_up(0, true, start);
    for (const auto after : {0s, 5s, 15s, 25s, 30s}) {
      const auto now = places_of(up, 4'000, start + after);
      for (std::size_t i = 0; i < now.size(); ++i) BOOST_TEST((now[i] == before[i] || now[i] == 'a'));
      before = now;
    }
  }
}

BOOST_AUTO_TEST_CASE(all_may_start_slowly_at_once) {
  const instant start{100h};
  for (const auto policy : all_policies) {
    random_source random{1};
    auto options = with(policy, {1, 1});
    options.slow_start = 30s;
    upstream up{options, random};
    for (std::size_t i = 0; i < 2; ++i) {
      up.set_up(i, false, start);
      up.set_up(i, true, start);
    }
    for (std::uint32_t n = 0; n < 1'000; ++n) {
      BOOST_TEST((up.pick({}, {.hash = client_hash(n), .now = start}) != nullptr));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_slow_start_needs_no_slow_start) {
  random_source random{1};
  upstream up{with(balance_policy::random, {1, 1, 1, 1}), random};
  up.set_up(0, false, instant{5s});
  up.set_up(0, true, instant{5s});
  BOOST_TEST(part_of_first(up, instant{5s}) > 0.2);
}

BOOST_AUTO_TEST_CASE(nobody_is_picked_while_all_are_down_unless_in_panic) {
  for (const auto policy : all_policies) {
    random_source random{seed()};
    auto options = with(policy, {1, 1, 1, 1});
    upstream strict{options, random};
    options.panic_threshold = 50;
    upstream brave{options, random};
    for (std::size_t i = 0; i < 4; ++i) {
      // 50 % of four up: health counts. Fewer: all of them, also those that are down.
      const auto counts = counts_of(brave, places_of(brave, 4'000));
      const auto picked = std::ranges::count_if(counts, [](double n) { return n != 0; });
      BOOST_TEST(static_cast<std::size_t>(picked) == (i <= 2 ? 4 - i : 4), to_string(policy));
      strict.set_up(i, false, {});
      brave.set_up(i, false, {});
    }
    BOOST_TEST((strict.pick({}, {.hash = 1}) == nullptr), to_string(policy));
    BOOST_TEST((brave.pick({}, {.hash = 1}) != nullptr), to_string(policy));
  }
}

BOOST_AUTO_TEST_SUITE_END()
