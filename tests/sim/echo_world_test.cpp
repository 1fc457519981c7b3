// SPDX-License-Identifier: Apache-2.0
// Bytes that are sent arrive in order, or both sides hear that they did not; nothing leaks; and a seed is a run.
#include <tests/sim/echo_world.hpp>

#include <shoal/core/sim/profile.hpp>
#include <tests/sim/seeds.hpp>

#include <boost/test/unit_test.hpp>

#include <iostream>
#include <string>

using shoal::sim::fault_counters;
using shoal::sim::network_profile;
using shoal::sim::perfect_network;
using shoal::test::for_each_seed;
using shoal::test::run_echo_world;

namespace {

/// A sanitizer's build runs the same seeds, fewer of them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t usual_seeds = 30;
#else
constexpr std::uint64_t usual_seeds = 100;
#endif

void check(const shoal::test::echo_outcome& outcome) {
  for (const auto& problem : outcome.problems) BOOST_TEST(problem == "");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(echo_world)

BOOST_AUTO_TEST_CASE(on_a_perfect_network_everybody_gets_everything) {
  for_each_seed(5, [](std::uint64_t seed) {
    const auto outcome = run_echo_world(seed, {.profile = perfect_network(), .mishaps = false, .lines = {}});
    check(outcome);
    BOOST_TEST(outcome.whole == outcome.dialled);
  });
}

BOOST_AUTO_TEST_CASE(on_the_worst_network_bytes_arrive_in_order_or_both_sides_know) {
  fault_counters met;
  unsigned whole = 0;
  unsigned broken = 0;
  const auto add = [](std::uint64_t& sum, std::uint64_t more) { sum += more; };
  for_each_seed(usual_seeds, [&](std::uint64_t seed) {
    const auto outcome = run_echo_world(seed);
    check(outcome);
    whole += outcome.whole;
    broken += outcome.broken;
    for (const auto fault : shoal::sim::all_faults) add(met.*fault.count, outcome.faults.*fault.count);
  });
  std::cout << "whole " << whole << ", broken " << broken;
  for (const auto fault : shoal::sim::all_faults) std::cout << ", " << fault.name << ' ' << met.*fault.count;
  std::cout << std::endl;
  if (shoal::test::given_seed()) return;
  BOOST_TEST(whole > broken);
  for (const auto fault : shoal::sim::all_faults) BOOST_TEST_CONTEXT(fault.name) BOOST_TEST((met.*fault.count) != 0U);
}

BOOST_AUTO_TEST_CASE(what_is_certain_happens_always) {
  const auto with = [](double network_profile::* fault) {
    auto profile = perfect_network();
    profile.*fault = 1;
    return shoal::test::echo_setting{.profile = profile, .mishaps = false, .lines = {}};
  };
  for_each_seed(3, [&](std::uint64_t seed) {
    const auto unreachable = run_echo_world(seed, with(&network_profile::lost_syn));
    check(unreachable);
    BOOST_TEST(unreachable.connected == 0U);
    BOOST_TEST(unreachable.faults.lost_syns > unreachable.dialled);
    const auto cut = run_echo_world(seed, with(&network_profile::reset));
    check(cut);
    BOOST_TEST(cut.broken == cut.dialled);
    BOOST_TEST(cut.faults.resets == cut.dialled);
    const auto dropped = run_echo_world(seed, with(&network_profile::aborted_accept));
    check(dropped);
    BOOST_TEST(dropped.broken == dropped.dialled);
    const auto late = run_echo_world(seed, with(&network_profile::late_message));
    check(late);
    BOOST_TEST(late.whole == late.dialled);
  });
}

BOOST_AUTO_TEST_CASE(a_seed_is_a_run) {
  for_each_seed(5, [](std::uint64_t seed) {
    std::string first;
    std::string second;
    const auto into = [](std::string& text) {
      return [&text](std::string_view line) { text.append(line).append("\n"); };
    };
    const auto once = run_echo_world(seed, {.lines = into(first)});
    const auto again = run_echo_world(seed, {.lines = into(second)});
    BOOST_TEST(once.hash == again.hash);
    BOOST_TEST((first == second));
    BOOST_TEST(once.events > 100U);
    BOOST_TEST(run_echo_world(seed + 1'000'000).hash != once.hash);
  });
}

BOOST_AUTO_TEST_SUITE_END()
