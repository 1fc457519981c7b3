// SPDX-License-Identifier: Apache-2.0
// A channel belongs to one shard. Others push by sending a function to it; who finds it full waits there, and the reply
// comes when there is room.
#include <shoal/core/channel.hpp>
#include <shoal/core/gate.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <tests/core/death.hpp>
#include <tests/core/stepped_shards.hpp>
#include <tests/core/sync_rig.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

using shoal::channel;
using shoal::gate;
using shoal::scope;
using shoal::shard;
using shoal::task;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

/// What lives on shard 0.
struct hall {
  explicit hall(std::size_t room) : values(room) {}
  channel<int> values;
  gate senders;
  numbers got;
  scope crew{no_failure};
};

/// On shard 0.
task<bool> push_here(hall* into, int value) {
  const auto inside = into->senders.enter();
  if (!inside) co_return false;
  const auto pushed = co_await into->values.push(std::move(value));
  co_return pushed.has_value();
}

task<> consume(hall& from, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  while (true) {
    const auto value = co_await from.values.pop();
    if (!value) co_return;
    from.got.push_back(*value);
    if (random() % 4 == 0) co_await shoal::sleep_for(1ms * (random() % 3));
  }
}

/// On any shard.
task<> send(hall* into, int from, int count, std::uint64_t seed, int* sent) {
  std::mt19937_64 random{seed};
  for (int i = from; i < from + count; ++i) {
    const bool pushed = co_await shoal::submit_to(0, &push_here, into, i);
    if (!pushed) co_return;
    ++*sent;
    if (random() % 4 == 0) co_await shoal::sleep_for(1ms * (random() % 3));
  }
}

/// On shard 0: nobody enters any more, who is inside may finish, then the consumers end.
task<> shut(hall& closing, shoal::duration after) {
  co_await shoal::sleep_for(after);
  co_await closing.senders.close();
  closing.values.close();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(channel_crossing)

BOOST_AUTO_TEST_CASE(from_every_shard_nothing_is_lost_or_doubled) {
  for (std::uint64_t round = 0; round < seed_count(10); ++round) {
    std::mt19937_64 random{seed() + round};
    const auto pick = [&random](int from, int to) { return std::uniform_int_distribution<int>{from, to}(random); };
    stepped_shards all{4};
    int sent = 0;
    std::unique_ptr<hall> middle;
    std::vector<std::unique_ptr<scope>> senders;
    {
      const auto here = all.enter(0);
      middle = std::make_unique<hall>(static_cast<std::size_t>(pick(1, 4)));
      for (int i = pick(1, 3); i > 0; --i) middle->crew.spawn(consume(*middle, random()));
      middle->crew.spawn(shut(*middle, 1ms * pick(0, 300)));
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const auto here = all.enter(i);
      senders.push_back(std::make_unique<scope>(no_failure));
      const int base = static_cast<int>(i) * 10'000;
      senders.back()->spawn(send(middle.get(), base, 100, random(), &sent));
      senders.back()->spawn(send(middle.get(), base + 1'000, 100, random(), &sent));
    }
    const auto ended = [&] {
      return middle->crew.running() == 0 && std::ranges::all_of(senders, [](auto& s) { return s->running() == 0; });
    };
    while (!ended()) all.round();
    BOOST_TEST(middle->got.size() == static_cast<std::size_t>(sent));
    std::ranges::sort(middle->got);
    BOOST_TEST((std::ranges::adjacent_find(middle->got) == middle->got.end()));
    const auto here = all.enter(0);
    middle.reset();
    for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(all.nodes(i) == 0U);
  }
}

BOOST_AUTO_TEST_CASE(another_shard_has_no_business_in_it) {
#if SHOAL_ASSERTIONS
  stepped_shards all{2};
  std::unique_ptr<channel<int>> owned;
  {
    const auto here = all.enter(0);
    owned = std::make_unique<channel<int>>(1);
  }
  {
    const auto there = all.enter(1);
    BOOST_TEST(aborts([&] { static_cast<void>(owned->try_push(1)); }));
  }
  const auto here = all.enter(0);
  owned.reset();
#endif
}

BOOST_AUTO_TEST_SUITE_END()
