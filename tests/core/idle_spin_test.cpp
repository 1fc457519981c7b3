// SPDX-License-Identifier: Apache-2.0
// Shards that spin answer each other without asking the kernel in between, and forget nobody else over it.
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <tests/core/runtime_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>

using shoal::runtime;
using shoal::shard;
using shoal::shard_id;
using shoal::submit_to;
using shoal::task;
using shoal::test::run_task;
using namespace std::chrono_literals;

namespace {

shard_id where() { return shard::current().id(); }

task<std::uint64_t> converse(const std::atomic<bool>& over) {
  std::uint64_t calls = 0;
  for (; !over; ++calls) {
    if (co_await submit_to(1, &where) != 1) co_return 0;
  }
  co_return calls;
}
task<bool> nap() {
  co_await shoal::sleep_for(1ms);
  co_return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(idle_spin_suite)

BOOST_AUTO_TEST_CASE(timers_and_posts_are_served_beside_a_conversation) {
  auto options = shoal::test::small_runtime(3);
  options.idle_spin = 10s;
  runtime r{options};
  BOOST_REQUIRE(r.start());
  std::atomic<bool> over = false;
  auto calls = run_task(r, 0, [&] { return converse(over); });
  for (unsigned i = 0; i < 30; ++i) {
    const auto on = static_cast<shard_id>(i % 3);
    BOOST_TEST(run_task(r, on, nap).get());
    BOOST_TEST(r.post(on, [] { return where(); }).get() == on);
  }
  // A third shard's call, while the first two look at each other only.
  BOOST_TEST(run_task(r, 2, [] { return submit_to(0, &where); }).get() == 0);
  over = true;
  BOOST_TEST(calls.get() != 0U);
  r.stop();
  r.wait();
}

BOOST_AUTO_TEST_SUITE_END()
