// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/leased_limit.hpp>

#include <shoal/core/scope.hpp>
#include <shoal/core/sleep.hpp>
#include <tests/core/stepped_shards.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <vector>

using shoal::errc;
using shoal::leased_limit;
using shoal::leased_rate;
using shoal::limit_usage;
using shoal::shard;
using shoal::shard_id;
using shoal::task;
using shoal::test::stepped_shards;
using namespace std::chrono_literals;

namespace {

using token = leased_limit::token;

void no_failure(const std::exception_ptr&) noexcept { BOOST_ERROR("a child failed"); }

/// Claimants on shards that are stepped by hand, and what they hold.
struct limit_rig {
  limit_rig(std::size_t count, std::size_t limit, std::size_t max_waiting = shoal::default_max_waiting)
      : shards(count), held(count), scopes(count), errors(count) {
    shards.run(0, [&] { return clients.start(limit, max_waiting); });
    for (std::size_t i = 0; i < count; ++i) {
      const auto here = shards.enter(i);
      scopes[i] = std::make_unique<shoal::scope>(no_failure);
    }
  }
  limit_rig(const limit_rig&) = delete;
  limit_rig& operator=(const limit_rig&) = delete;
  ~limit_rig() {
    shards.run(0, [&] { return clients.stop(); });
    settle();
    for (std::size_t i = 0; i < held.size(); ++i) {
      const auto here = shards.enter(i);
      held[i].clear();  // after the stop: harmless
      scopes[i].reset();
    }
    shards.settle();
  }

  void settle() {
    for (int i = 0; i < 20; ++i) {
      for (std::size_t s = 0; s < held.size(); ++s) shards[s].turn(false);
    }
  }
  void claim(std::size_t on, std::size_t count, std::stop_token stop = {}) {
    const auto here = shards.enter(on);
    for (std::size_t i = 0; i < count; ++i) scopes[on]->spawn(one(on, stop));
  }
  void give_back(std::size_t on, std::size_t count = 1) {
    const auto here = shards.enter(on);
    for (; count != 0; --count) held[on].pop_back();
  }
  std::size_t try_some(std::size_t on, std::size_t count) {
    const auto here = shards.enter(on);
    std::size_t taken = 0;
    for (; count != 0; --count) {
      auto mine = clients.try_take();
      if (!mine) continue;
      held[on].push_back(std::move(*mine));
      ++taken;
    }
    return taken;
  }
  [[nodiscard]] std::size_t out() const {
    std::size_t all = 0;
    for (const auto& on_shard : held) all += on_shard.size();
    return all;
  }
  [[nodiscard]] limit_usage usage() {
    return shards.run(0, [&] { return clients.usage(); });
  }

  stepped_shards shards;
  leased_limit clients;
  std::vector<std::vector<token>> held;
  std::vector<std::unique_ptr<shoal::scope>> scopes;
  std::vector<std::vector<std::error_code>> errors;

 private:
  task<> one(std::size_t on, std::stop_token stop) {
    auto mine = co_await clients.take(std::move(stop));
    if (mine) {
      held[on].push_back(std::move(*mine));
    } else {
      errors[on].push_back(mine.error());
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(leased_limit_suite)

BOOST_AUTO_TEST_CASE(all_of_it_can_be_used_from_any_single_shard_and_never_more) {
  for (const std::size_t limit : {1U, 3U, 8U, 100U, 1000U}) {
    limit_rig rig{8, limit};
    for (std::size_t on = 0; on < 8; ++on) {
      rig.claim(on, limit + 5);
      rig.settle();
      BOOST_TEST(rig.held[on].size() == limit);
      const auto now = rig.usage();
      BOOST_TEST(now.in_use == static_cast<std::int64_t>(limit));
      BOOST_TEST(now.on_lease == 0);
      rig.give_back(on, limit);
      rig.settle();
      BOOST_TEST(rig.held[on].size() == std::min<std::size_t>(limit, 5));  // of those who still waited
      while (!rig.held[on].empty()) {
        rig.give_back(on);
        rig.settle();
      }
      BOOST_TEST(rig.usage().waiting == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_others_have_on_lease_and_do_not_use_comes_when_it_is_needed) {
  limit_rig rig{4, 20};
  for (const std::size_t on : {1U, 2U, 3U}) rig.claim(on, 6);
  rig.settle();
  for (const std::size_t on : {1U, 2U, 3U}) rig.give_back(on, 6);
  rig.settle();
  BOOST_TEST(rig.usage().on_lease != 0);  // some keep theirs: nobody is in need
  rig.claim(0, 20);
  rig.settle();
  BOOST_TEST(rig.held[0].size() == 20U);
  rig.claim(2, 1);
  rig.give_back(0);
  rig.settle();
  BOOST_TEST(rig.held[2].size() == 1U);
}

BOOST_AUTO_TEST_CASE(taking_and_giving_back_on_one_shard_needs_no_message) {
  limit_rig rig{2, 100};
  rig.claim(1, 10);
  rig.settle();
  const auto sent = rig.shards[1].mail().counters().sent;
  for (int i = 0; i < 1'000; ++i) {
    rig.give_back(1, 10);
    BOOST_TEST(rig.try_some(1, 10) == 10U);
  }
  BOOST_TEST(rig.shards[1].mail().counters().sent == sent);
}

BOOST_AUTO_TEST_CASE(who_does_not_wait_gets_it_the_next_time) {
  limit_rig rig{3, 2};
  BOOST_TEST(rig.try_some(1, 1) == 0U);  // nothing on lease yet
  rig.settle();
  BOOST_TEST(rig.try_some(1, 1) == 1U);
  BOOST_TEST(rig.try_some(2, 1) == 0U);
  rig.settle();
  BOOST_TEST(rig.try_some(2, 1) == 1U);
  BOOST_TEST(rig.try_some(0, 1) == 0U);
  rig.settle();
  BOOST_TEST(rig.try_some(0, 1) == 0U);  // both are out
  rig.give_back(1);
  rig.settle();
  BOOST_TEST(rig.try_some(0, 1) == 1U);
}

BOOST_AUTO_TEST_CASE(first_come_first_served_on_a_shard_and_in_turns_between_shards) {
  limit_rig rig{4, 4};
  rig.claim(0, 4);
  rig.settle();
  rig.claim(1, 500);
  rig.settle();
  rig.claim(2, 1);
  rig.claim(3, 1);
  rig.settle();
  rig.give_back(0, 3);
  rig.settle();
  BOOST_TEST(rig.held[1].size() == 1U);
  BOOST_TEST(rig.held[2].size() == 1U);
  BOOST_TEST(rig.held[3].size() == 1U);
}

BOOST_AUTO_TEST_CASE(few_tokens_go_round_among_many_shards) {
  limit_rig rig{8, 3};
  for (std::size_t on = 0; on < 8; ++on) rig.claim(on, 30);
  std::size_t most = 0;
  std::vector<std::size_t> served(8);
  for (int round = 0; round < 2'000 && std::ranges::count(served, 30U) != 8; ++round) {
    for (std::size_t on = 0; on < 8; ++on) rig.shards[on].turn(false);
    most = std::max(most, rig.out());
    for (std::size_t on = 0; on < 8; ++on) {
      served[on] += rig.held[on].size();
      rig.give_back(on, rig.held[on].size());
    }
    const auto [least, greatest] = std::ranges::minmax(served);
    BOOST_TEST(greatest - least <= 10U);
  }
  BOOST_TEST(std::ranges::count(served, 30U) == 8);
  BOOST_TEST(most == 3U);
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_wait_and_its_place_goes_to_the_next) {
  limit_rig rig{3, 1};
  rig.claim(0, 1);
  rig.settle();
  std::stop_source stop;
  rig.claim(1, 3, stop.get_token());
  rig.claim(2, 1);
  rig.settle();
  {
    const auto here = rig.shards.enter(1);
    stop.request_stop();
  }
  rig.claim(1, 1, stop.get_token());
  rig.settle();
  BOOST_REQUIRE(rig.errors[1].size() == 4U);
  for (const auto& error : rig.errors[1]) BOOST_TEST((error == errc::cancelled));
  rig.give_back(0);
  rig.settle();
  BOOST_TEST(rig.held[2].size() == 1U);
  BOOST_TEST(rig.usage().waiting == 0);
}

BOOST_AUTO_TEST_CASE(so_many_may_wait) {
  limit_rig rig{2, 1, 5};
  rig.claim(1, 8);
  rig.settle();
  BOOST_TEST(rig.held[1].size() == 1U);
  BOOST_REQUIRE(rig.errors[1].size() == 3U);  // the first five to wait came before the token
  for (const auto& error : rig.errors[1]) BOOST_TEST((error == errc::would_block));
}

BOOST_AUTO_TEST_CASE(a_token_may_be_given_back_on_another_shard) {
  limit_rig rig{3, 4};
  for (int round = 0; round < 50; ++round) {
    rig.claim(0, 4);
    rig.settle();
    BOOST_REQUIRE(rig.held[0].size() == 4U);
    std::ranges::move(rig.held[0], std::back_inserter(rig.held[round % 2 == 0 ? 1 : 2]));
    rig.held[0].clear();
    rig.give_back(round % 2 == 0 ? 1 : 2, 4);
    rig.settle();
    BOOST_TEST(rig.usage().in_use == 0);
  }
}

// Home's messages must get through a lane full of calls that wait for what they bring.
BOOST_AUTO_TEST_CASE(calls_that_fill_a_lane_may_wait_for_tokens) {
  limit_rig rig{2, 1};
  rig.claim(0, 1);
  rig.settle();
  int served = 0;
  const auto take_there = [](leased_limit* of) -> task<bool> {
    const auto mine = co_await of->take();
    co_return mine.has_value();
  };
  const auto call = [](leased_limit& of, int& count, decltype(take_there) what) -> task<> {
    const bool got = co_await shoal::submit_to(1, what, &of);
    count += got ? 1 : 0;
  };
  {
    const auto here = rig.shards.enter(0);
    for (int i = 0; i < 600; ++i) rig.scopes[0]->spawn(call(rig.clients, served, take_there));
  }
  rig.settle();
  BOOST_TEST(served == 0);
  BOOST_TEST(rig.shards[0].mail().lanes().front().waiting > 0U);
  rig.give_back(0);
  for (int i = 0; i < 100; ++i) rig.settle();
  BOOST_TEST(served == 600);
}

BOOST_AUTO_TEST_CASE(a_lower_limit_lets_nobody_in_until_fewer_are_out) {
  limit_rig rig{4, 40};
  for (std::size_t on = 0; on < 4; ++on) rig.claim(on, 8);
  rig.settle();
  rig.shards.run(2, [&] { return rig.clients.set_limit(20); });
  for (std::size_t on = 0; on < 4; ++on) BOOST_TEST(rig.try_some(on, 5) == 0U);
  for (std::size_t on = 0; on < 4; ++on) rig.claim(on, 10);
  while (rig.out() > 20) {
    for (std::size_t on = 0; on < 4; ++on) {
      rig.give_back(on);
      BOOST_TEST(rig.try_some(on, 1) == 0U);
    }
    rig.settle();
    BOOST_TEST(rig.out() >= 20U);
  }
  BOOST_TEST(rig.out() == 20U);
  rig.give_back(1, 3);
  rig.settle();
  BOOST_TEST(rig.out() == 20U);
  rig.shards.run(0, [&] { return rig.clients.set_limit(25); });
  rig.settle();
  BOOST_TEST(rig.out() == 25U);
  rig.shards.run(3, [&] { return rig.clients.set_limit(0); });
  for (std::size_t on = 0; on < 4; ++on) rig.give_back(on, rig.held[on].size());
  rig.settle();
  BOOST_TEST(rig.out() == 0U);
  rig.shards.run(1, [&] { return rig.clients.set_limit(1); });
  rig.settle();
  BOOST_TEST(rig.out() == 1U);
}

BOOST_AUTO_TEST_CASE(the_stop_ends_all_waits) {
  stepped_shards shards{3};
  leased_limit none;
  shards.run(1, [&] { return none.start(0); });
  std::vector<task<shoal::result<token>>> waits(3);
  shoal::test::end_note ended;
  const auto one = [](leased_limit& of) -> task<shoal::result<token>> { co_return co_await of.take(); };
  for (std::size_t on = 0; on < 3; ++on) {
    const auto here = shards.enter(on);
    waits[on] = one(none);
    BOOST_TEST(!waits[on].start(ended));
  }
  shards.run(2, [&] { return none.stop(); });
  while (ended.count < 3) shards.round();
  for (std::size_t on = 0; on < 3; ++on) {
    const auto here = shards.enter(on);
    BOOST_TEST((waits[on].take().error() == errc::stopped));
    waits[on] = {};
  }
  shards.settle();
}

BOOST_AUTO_TEST_CASE(a_rate_lets_its_burst_pass_and_then_what_time_brings) {
  stepped_shards shards{4};
  leased_rate logins;
  shards.run(0, [&] { return logins.start(1'000, 20); });
  std::size_t passed = 0;
  const auto ask = [&](std::size_t times) {
    for (; times != 0; --times) {
      for (std::size_t on = 0; on < 4; ++on) {
        {
          const auto here = shards.enter(on);
          passed += logins.try_take() ? 1 : 0;
        }
        shards[on].turn(false);
      }
    }
  };
  ask(200);
  BOOST_TEST(passed == 20U);
  for (std::size_t ms = 1; ms <= 100; ++ms) {
    shards.machine().time += 1ms;
    ask(20);
    BOOST_TEST(passed <= 20U + ms);
    BOOST_TEST(passed + 1 >= 20U + ms);
  }
  shards.machine().time += 1h;
  const auto before = passed;
  ask(200);
  BOOST_TEST(passed - before == 20U);
  shards.run(3, [&] { return logins.set_rate(10, 5); });
  ask(200);
  const auto later = passed;
  shards.machine().time += 1h;
  ask(200);
  BOOST_TEST(passed - later == 5U);
  shards.run(0, [&] { return logins.stop(); });
}

BOOST_AUTO_TEST_SUITE_END()
