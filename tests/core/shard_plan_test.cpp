// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/shard_plan.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

using shoal::pin_mode;
using shoal::placement_policy;
using shoal::plan_shards;
using shoal::shard_request;
using shoal::topology;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;
constexpr auto amd = "pack:2 [numa(memory=137438953472)] l3:8 core:8 pu:1";      // 128 cores on two sockets
constexpr auto amd_smt = "pack:2 [numa(memory=137438953472)] l3:8 core:8 pu:2";  // the same with hyper-threads
constexpr auto small = "pack:1 [numa(memory=8589934592)] l3:1 core:2 pu:1";

topology machine(const char* description, std::vector<unsigned> mask = {},
                 double quota = shoal::cgroup_limits::no_quota,
                 std::size_t memory = shoal::cgroup_limits::no_memory_limit) {
  return shoal::from_synthetic(description,
                               {.mask = std::move(mask), .limits = {.cpus = quota, .memory_bytes = memory}});
}

shoal::shard_plan planned(const topology& where, const shard_request& request = {}) {
  auto plan = plan_shards(where, request);
  BOOST_REQUIRE_MESSAGE(plan.has_value(), (plan ? "" : plan.error().what));
  return *plan;
}

std::vector<unsigned> cpus_of(const shoal::shard_plan& plan) {
  std::vector<unsigned> cpus;
  cpus.reserve(plan.shards.size());
  for (const auto& p : plan.shards) cpus.push_back(p.cpu);
  return cpus;
}

bool all_pinned(const shoal::shard_plan& plan) { return std::ranges::all_of(plan.shards, &shoal::placement::pinned); }
bool none_pinned(const shoal::shard_plan& plan) { return std::ranges::none_of(plan.shards, &shoal::placement::pinned); }

std::string error_of(const topology& where, const shard_request& request) {
  const auto plan = plan_shards(where, request);
  BOOST_REQUIRE(!plan.has_value());
  return std::string{plan.error().key} + ": " + plan.error().what + " (" + plan.error().hint + ")";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(shard_plan_suite)

BOOST_AUTO_TEST_CASE(auto_on_two_cpus) {
  const auto plan = planned(machine(small));
  BOOST_TEST(cpus_of(plan) == (std::vector<unsigned>{0, 1}), boost::test_tools::per_element());
  BOOST_TEST(all_pinned(plan));
  BOOST_TEST(plan.shards[0].memory == 256 * mib);
  BOOST_TEST(plan.reason == "2 shards, one per CPU of the affinity mask 0-1; pinned because they fill the mask");
}

BOOST_AUTO_TEST_CASE(auto_on_a_128_core_two_socket_machine) {
  const auto plan = planned(machine(amd));
  BOOST_REQUIRE(plan.shards.size() == 128U);
  BOOST_TEST(all_pinned(plan));
  BOOST_TEST(plan.shards[0].numa == 0U);
  BOOST_TEST(plan.shards[127].numa == 1U);
}

BOOST_AUTO_TEST_CASE(auto_on_one_core) {
  const auto plan = planned(machine("pu:1"));
  BOOST_TEST(plan.shards.size() == 1U);
  BOOST_TEST(all_pinned(plan));
}

BOOST_AUTO_TEST_CASE(a_cpuset_container_pins_inside_its_cpuset) {
  const auto plan = planned(machine(amd, {12, 13, 70, 71}));
  BOOST_TEST(cpus_of(plan) == (std::vector<unsigned>{12, 13, 70, 71}), boost::test_tools::per_element());
  BOOST_TEST(all_pinned(plan));
  BOOST_TEST(plan.shards[1].numa == 0U);
  BOOST_TEST(plan.shards[2].numa == 1U);
}

BOOST_AUTO_TEST_CASE(a_quota_lowers_auto_and_unpins) {
  auto plan = planned(machine(amd, {}, 1.5));
  BOOST_TEST(plan.shards.size() == 1U);
  BOOST_TEST(none_pinned(plan));
  BOOST_TEST(plan.shards[0].cpu == shoal::placement::anywhere);
  BOOST_TEST(plan.reason ==
             "1 shard, for the cgroup's quota of 1.5 CPUs; not pinned: under a quota the CPUs are shared");
  BOOST_TEST(planned(machine(amd, {}, 0.2)).shards.size() == 1U);
  plan = planned(machine(small, {}, 64.0));  // no fewer CPUs, but still shared
  BOOST_TEST(plan.shards.size() == 2U);
  BOOST_TEST(none_pinned(plan));
}

BOOST_AUTO_TEST_CASE(written_cpus_pin_even_under_a_quota) {
  const auto plan = planned(machine(amd, {}, 2.0), {.cpus = {5, 4, 3, 3}});
  BOOST_TEST(plan.shards.size() == 2U);
  BOOST_TEST(all_pinned(plan));
  BOOST_TEST(planned(machine(amd), {.cpus = {5, 4, 3, 3}}).shards.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_written_number_is_obeyed_and_pinned_only_if_it_fills_the_mask) {
  BOOST_TEST(all_pinned(planned(machine(small), {.shards = 2})));
  BOOST_TEST(none_pinned(planned(machine(small), {.shards = 1})));
  const auto many = planned(machine(small), {.shards = 7});
  BOOST_TEST(many.shards.size() == 7U);
  BOOST_TEST(none_pinned(many));
  BOOST_TEST(all_pinned(planned(machine(small), {.shards = 1, .pin = pin_mode::on})));
  BOOST_TEST(none_pinned(planned(machine(small), {.pin = pin_mode::off})));
}

BOOST_AUTO_TEST_CASE(cores_takes_one_hyperthread_of_each) {
  const auto plan = planned(machine(amd_smt), {.shards = shard_request::cores});
  BOOST_REQUIRE(plan.shards.size() == 128U);
  BOOST_TEST(all_pinned(plan));
  for (const auto& p : plan.shards) BOOST_TEST(p.cpu % 2 == 0U);
  // A mask of second hyper-threads still has its cores.
  const auto odd = planned(machine(amd_smt, {1, 3, 4, 5}), {.shards = shard_request::cores});
  BOOST_TEST(cpus_of(odd) == (std::vector<unsigned>{1, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST(planned(machine(amd_smt, {}, 3.9), {.shards = shard_request::cores}).shards.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_hybrid_laptop_uses_fast_cores_first) {
  const auto laptop = shoal::from_xml(SHOAL_TEST_DATA "/hybrid.xml");  // 0-11: 6 fast cores; 12, 14 ... 26: 8 slow ones
  BOOST_TEST(planned(laptop).shards.size() == 20U);
  BOOST_TEST(planned(laptop, {.shards = shard_request::cores}).shards.size() == 14U);
  const auto four = planned(laptop, {.shards = 4, .pin = pin_mode::on});
  BOOST_TEST(cpus_of(four) == (std::vector<unsigned>{0, 2, 4, 6}), boost::test_tools::per_element());
  const auto seven = planned(laptop, {.shards = 7, .pin = pin_mode::on});  // a slow core rather than half a fast one
  BOOST_TEST(cpus_of(seven) == (std::vector<unsigned>{0, 2, 4, 6, 8, 10, 12}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(spread_goes_over_sockets_and_caches_in_turn) {
  const auto where = machine(amd_smt);
  const auto plan = planned(where, {.shards = 16, .pin = pin_mode::on, .policy = placement_policy::spread});
  std::map<unsigned, int> per_node;
  std::set<unsigned> caches;
  for (const auto& p : plan.shards) {
    ++per_node[p.numa];
    caches.insert(where.cpus[p.cpu].l3);
  }
  BOOST_TEST(per_node[0] == 8);
  BOOST_TEST(per_node[1] == 8);
  BOOST_TEST(caches.size() == 16U);
}

BOOST_AUTO_TEST_CASE(compact_fills_one_cache_before_the_next) {
  const auto plan = planned(machine(amd_smt), {.shards = 9, .pin = pin_mode::on, .policy = placement_policy::compact});
  BOOST_TEST(cpus_of(plan) == (std::vector<unsigned>{0, 2, 4, 6, 8, 10, 12, 14, 16}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(shards_that_share_a_cache_are_known) {
  const auto near = [](const shoal::shard_plan& plan) {  // to shard 0, itself included
    std::size_t count = 0;
    for (std::size_t i = 0; i < plan.shards.size(); ++i) count += plan.shares_cache(0, i) ? 1U : 0U;
    return count;
  };
  const auto big = planned(machine(amd));  // 8 caches of 8 cores on each socket
  BOOST_TEST(near(big) == 8U);
  BOOST_TEST(big.shares_cache(0, 7));
  BOOST_TEST(!big.shares_cache(7, 8));
  BOOST_TEST(big.shares_cache(120, 127));
  BOOST_TEST(near(planned(machine(amd_smt))) == 16U);
  BOOST_TEST(near(planned(machine(amd_smt), {.shards = shard_request::cores})) == 8U);
  BOOST_TEST(near(planned(machine(amd), {.shards = 16, .pin = pin_mode::on})) == 1U);  // spread
  BOOST_TEST(near(planned(shoal::from_xml(SHOAL_TEST_DATA "/hybrid.xml"))) == 20U);
  BOOST_TEST(near(planned(machine("pu:1"))) == 1U);
  const auto cpuset = planned(machine(amd, {12, 13, 70, 71}));
  BOOST_TEST(cpuset.shares_cache(0, 1));
  BOOST_TEST(!cpuset.shares_cache(1, 2));
  BOOST_TEST(near(planned(machine("pack:2 core:4 pu:1"))) == 4U);  // without a cache to see: by package
  // Not pinned: nothing is known.
  BOOST_TEST(near(planned(machine(amd), {.pin = pin_mode::off})) == 128U);
  BOOST_TEST(near(planned(machine(amd, {}, 1.5))) == 1U);
}

BOOST_AUTO_TEST_CASE(memory_stays_within_half_of_the_limit) {
  BOOST_TEST(planned(machine(small, {}, 9, 512 * mib)).shards[0].memory == 128 * mib);
  BOOST_TEST(planned(machine(small, {}, 9, 8 * mib)).shards[0].memory == shoal::min_memory_per_shard);
  BOOST_TEST(planned(machine(small), {.memory_per_shard = 64 * mib}).shards[1].memory == 64 * mib);
}

BOOST_AUTO_TEST_CASE(errors_name_what_is_wrong_and_what_would_be_right) {
  const auto two = machine(small);
  BOOST_TEST(error_of(two, {.cpus = {0, 9}}) == "cpus: CPU 9 is not in this process's mask 0-1 (any of 0-1)");
  BOOST_TEST(error_of(two, {.shards = 3, .pin = pin_mode::on}) ==
             "shards: 3 pinned shards don't fit on 2 CPUs (0-1) (at most 2, or auto)");
  BOOST_TEST(error_of(two, {.shards = 2, .cpus = {1}}) ==
             "shards: 2 pinned shards don't fit on 1 CPU (1) (at most 1, or auto)");
  BOOST_TEST(error_of(two, {.shards = 2000}) == "shards: 2000 is too many (1 to 1024)");
  BOOST_TEST(error_of(two, {.cpus = {1}, .pin = pin_mode::off}) ==
             "pin: off contradicts cpus, which pins (leave one of the two out)");
  BOOST_TEST(error_of(two, {.memory_per_shard = mib}) == "memory_per_shard: 1 MiB is too little (at least 4 MiB)");
  BOOST_TEST(
      error_of(machine(small, {}, 9, 512 * mib), {.memory_per_shard = 512 * mib}) ==
      "memory_per_shard: 2 shards of 512 MiB are more than this process's limit of 512 MiB (at most 256 MiB, or auto)");
}

BOOST_AUTO_TEST_SUITE_END()
