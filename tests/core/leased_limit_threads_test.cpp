// SPDX-License-Identifier: Apache-2.0
// Limits of the whole process under claimants on several threads.
#include <shoal/core/leased_limit.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sleep.hpp>
#include <tests/core/allocations.hpp>
#include <tests/core/runtime_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

using shoal::leased_limit;
using shoal::leased_rate;
using shoal::runtime;
using shoal::shard;
using shoal::shard_id;
using shoal::task;
using shoal::test::run_task;
using shoal::test::small_runtime;
using namespace std::chrono_literals;

namespace {

constexpr unsigned shards = 8;

/// How many are inside now, and the most there ever were.
struct crowd {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  void enter() {
    const int now = ++inside;
    int seen = most.load();
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
  }
};

task<> claimant(leased_limit& of, crowd& all, int times) {
  for (int i = 0; i < times; ++i) {
    const auto mine = co_await of.take();
    if (!mine) co_return;
    all.enter();
    const auto stay = std::chrono::microseconds{shard::current().random().below(2'000)};
    co_await shoal::sleep_for(stay);
    --all.inside;
  }
}

void no_failure(const std::exception_ptr&) noexcept { BOOST_ERROR("a claimant failed"); }

task<int> claimants(leased_limit& of, crowd& all, int count, int times) {
  shoal::scope work{no_failure};
  for (int i = 0; i < count; ++i) work.spawn(claimant(of, all, times));
  co_await work.join();
  co_return count* times;
}

/// Asks much faster than the rate, some by waiting and some not, until `end`; how many passed.
task<std::uint64_t> ask_until(leased_rate& of, shoal::instant end) {
  std::uint64_t passed = 0;
  while (shard::current().now() < end) {
    if (of.try_take()) ++passed;
    co_await shoal::sleep_for(1ms);
  }
  co_return passed;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(leased_limit_on_threads)

BOOST_AUTO_TEST_CASE(a_thousand_claimants_are_never_more_than_the_limit_and_reach_it) {
  runtime r{small_runtime(shards)};
  leased_limit clients{r, 100};
  for (int round = 0; round < 2; ++round) {
    BOOST_REQUIRE(r.start().has_value());
    crowd all;
    std::vector<std::future<int>> ends;
    for (shard_id on = 0; on < shards; ++on)
      ends.push_back(run_task(r, on, [&] { return claimants(clients, all, 125, 4); }));
    int served = 0;
    for (auto& end : ends) served += end.get();
    BOOST_TEST(served == 4'000);
    BOOST_TEST(all.most <= 100);
    BOOST_TEST(all.most >= 98);
    BOOST_TEST(all.inside == 0);
    const auto usage = run_task(r, 3, [&] { return clients.usage(); }).get();
    BOOST_TEST(usage.in_use == 0);
    r.stop();
    r.wait();
    BOOST_TEST(shoal::test::left_nothing(r));
  }
}

BOOST_AUTO_TEST_CASE(all_demand_on_one_shard_reaches_the_limit) {
  runtime r{small_runtime(shards)};
  leased_limit clients{r, 100};
  BOOST_REQUIRE(r.start().has_value());
  for (const shard_id on : {shard_id{0}, shard_id{5}}) {
    crowd all;
    run_task(r, on, [&] { return claimants(clients, all, 500, 2); }).get();
    BOOST_TEST(all.most <= 100);
    BOOST_TEST(all.most >= 98);
  }
  r.stop();
  r.wait();
}

BOOST_AUTO_TEST_CASE(a_rate_under_five_times_its_demand) {
  runtime r{small_runtime(shards)};
  leased_rate logins{r, 1'000, 20};
  BOOST_REQUIRE(r.start().has_value());
  const auto begin = r.machine().now();
  const auto length = 1500ms;
  std::vector<std::future<std::uint64_t>> ends;
  for (shard_id on = 0; on < shards; ++on)
    ends.push_back(run_task(r, on, [&] { return ask_until(logins, begin + length); }));
  std::uint64_t passed = 0;
  for (auto& end : ends) passed += end.get();
  const auto took = std::chrono::duration<double>(r.machine().now() - begin).count();
  BOOST_TEST(static_cast<double>(passed) <= 1'000 * took + 20);
  BOOST_TEST(passed > 1'000U);  // a busy machine asks late
  r.stop();
  r.wait();
}

BOOST_AUTO_TEST_SUITE_END()
