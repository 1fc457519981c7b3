// SPDX-License-Identifier: Apache-2.0
// Whole shards that call each other in every way at once, and really sleep in between. SHOAL_STRESS=20 makes it twenty
// times as long.
#include <shoal/core/fence.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <tests/core/runtime_rig.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

using shoal::random_source;
using shoal::runtime;
using shoal::scope;
using shoal::shard;
using shoal::shard_id;
using shoal::submit_to;
using shoal::task;
using shoal::test::left_nothing;
using shoal::test::run_task;
using shoal::test::small_runtime;

namespace {

/// Messages of one case, over all shards.
unsigned messages_in_all() {
  unsigned factor = 1;
  if (const char* text = std::getenv("SHOAL_STRESS")) std::from_chars(text, text + std::strlen(text), factor);
  return factor * (SHOAL_TSAN ? 120'000U : 600'000U);
}

struct odd_number : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::uint64_t twice(std::uint64_t value) { return 2 * value; }
void nothing() {}
std::string text_of(std::string text, std::uint64_t value) { return text + std::to_string(value); }
std::uint64_t even_only(std::uint64_t value) {
  if (value % 2 != 0) throw odd_number("odd");
  return 2 * value;
}
task<std::uint64_t> twice_later(std::uint64_t value) {
  if (value % 16 == 0) co_await shoal::sleep_for(std::chrono::microseconds{value % 50});
  if (value % 3 == 0) co_await shoal::yield();
  co_return 2 * value;
}

/// One call of a random kind; whether it gave what it should.
task<bool> one_call(shard_id to, std::uint64_t value) {
  switch (value % 5) {
    case 0: {
      co_await submit_to(to, &nothing);
      co_return true;
    }
    case 1: {
      const auto text = co_await submit_to(to, &text_of, std::string("a text beyond any small string: "), value);
      co_return text == "a text beyond any small string: " + std::to_string(value);
    }
    case 2: {
      try {
        const auto result = co_await submit_to(to, &even_only, value);
        co_return value % 2 == 0 && result == 2 * value;
      } catch (const odd_number&) {
        co_return value % 2 != 0;
      }
    }
    case 3: {
      const auto result = co_await submit_to(to, &twice_later, value);
      co_return result == 2 * value;
    }
    default: {
      const auto result = co_await submit_to(to, &twice, value);
      co_return result == 2 * value;
    }
  }
}

/// A chain of calls, one after the other, with pauses in which the shard has nothing to do.
task<> caller(unsigned calls, std::uint64_t seed, std::uint64_t& right) {
  random_source random{seed};
  const auto shards = shard::current().owner().shards();
  for (unsigned i = 0; i < calls; ++i) {
    const auto to = static_cast<shard_id>(random.below(shards));
    const bool good = co_await one_call(to, random());
    right += good ? 1 : 0;
    if (random.below(64) == 0) co_await shoal::sleep_for(std::chrono::microseconds{random.below(200)});
  }
}

void broke(const std::exception_ptr&) noexcept { std::terminate(); }

task<std::uint64_t> callers(unsigned chains, unsigned calls, std::uint64_t seed) {
  std::uint64_t right = 0;
  scope all{broke};
  for (unsigned i = 0; i < chains; ++i) all.spawn(caller(calls, seed + i, right));
  co_await all.join();
  co_return right;
}

/// `chains` on each shard: few leave the shards asleep between two messages, thousands keep the lanes full.
void stress(unsigned shards, unsigned chains, unsigned messages) {
  runtime r{small_runtime(shards)};
  BOOST_REQUIRE(r.start().has_value());
  const unsigned calls = std::max(1U, messages / shards / chains);
  std::vector<std::future<std::uint64_t>> results;
  for (shard_id id = 0; id < shards; ++id) {
    const std::uint64_t seed = shoal::test::seed() + 1'000'003U * id;
    results.push_back(run_task(r, id, [=] { return callers(chains, calls, seed); }));
  }
  for (auto& result : results) BOOST_TEST(result.get() == std::uint64_t{calls} * chains);
  r.stop();
  r.wait();
  BOOST_TEST(left_nothing(r));
  for (const auto& report : r.reports()) {
    BOOST_TEST(report.mail.sent == report.mail.replies);
    BOOST_TEST(report.mail.wakes > 0U);
    BOOST_TEST(report.io.waits > 0U);
    if (chains > shards * shoal::lane_capacity) BOOST_TEST(report.mail.lane_full > 0U);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox_stress_suite)

BOOST_AUTO_TEST_CASE(two_shards_mostly_asleep) { stress(2, 1, messages_in_all() / 20); }

BOOST_AUTO_TEST_CASE(four_shards_half_asleep) { stress(4, 4, messages_in_all() / 4); }

BOOST_AUTO_TEST_CASE(three_shards_with_full_lanes) { stress(3, 3'000, messages_in_all()); }

BOOST_AUTO_TEST_SUITE_END()
