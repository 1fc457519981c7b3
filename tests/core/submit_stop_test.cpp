// SPDX-License-Identifier: Apache-2.0
// A stop and a timeout reach a call on another shard.
#include <shoal/core/scope.hpp>
#include <shoal/core/semaphore.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <shoal/core/with_timeout.hpp>
#include <tests/core/runtime_rig.hpp>
#include <tests/core/stepped_shards.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <stop_token>
#include <string>
#include <vector>

using shoal::errc;
using shoal::fail;
using shoal::result;
using shoal::shard;
using shoal::shard_id;
using shoal::submit_to;
using shoal::task;
using shoal::test::stepped_shards;
using namespace std::chrono_literals;

namespace {

shard_id where() { return shard::current().id(); }

/// Says on which shard a stop was noticed.
struct witness {
  shard_id noticed_on = shoal::no_shard;
};

task<result<int>> wait_long(witness* seen, std::stop_token stop) {
  const auto slept = co_await shoal::sleep_for(1h, stop);
  if (slept) co_return 1;
  seen->noticed_on = where();
  co_return fail(slept.error());
}
task<result<int>> ask(shard_id to, witness* seen, std::stop_token stop) {
  co_return co_await submit_to(to, &wait_long, seen, stop);
}
bool was_asked(std::stop_token stop) { return stop.stop_requested(); }
bool could_be_asked(std::stop_token stop) { return stop.stop_possible(); }

task<int> deaf(std::stop_token) {
  co_await shoal::sleep_for(50ms);
  co_return 7;
}
task<int> ask_deaf(shard_id to, std::stop_token stop) { co_return co_await submit_to(to, &deaf, stop); }

task<result<int>> answer_in(shoal::duration length, std::stop_token stop) {
  const auto slept = co_await shoal::sleep_for(length, stop);
  if (!slept) co_return fail(slept.error());
  co_return 1;
}
struct nothing_left {
  explicit nothing_left(shard&) {}
  shoal::semaphore none{0};
};
task<result<int>> wait_for_ever(shoal::duration, std::stop_token stop) {
  const auto got = co_await shard::current().local<nothing_left>().none.acquire(1, stop);
  if (!got) co_return fail(got.error());
  co_return 1;
}
template <auto Work>
task<> one_ask(shard_id to, shoal::duration length, std::stop_token stop, int& answered, int& stopped) {
  const auto value = co_await submit_to(to, Work, length, stop);
  if (value) {
    ++answered;
  } else if (value.error() == errc::cancelled) {
    ++stopped;
  }
}

void no_failure(const std::exception_ptr&) noexcept { BOOST_ERROR("a child failed"); }

template <auto Work>
task<> many_asks(shard_id to, int count, shoal::duration length, int& answered, int& stopped) {
  shoal::scope asks{no_failure};
  for (int i = 0; i < count; ++i) asks.spawn(one_ask<Work>(to, length, asks.stop_token(), answered, stopped));
  co_await shoal::sleep_for(1ms);
  asks.request_stop();
  co_await asks.join();
}

task<result<int>> with_limit(shard_id to, witness* seen) {
  co_return co_await shoal::with_timeout(10ms, &ask, to, seen);
}
task<result<int>> with_limit_deaf(shard_id to) { co_return co_await shoal::with_timeout(10ms, &ask_deaf, to); }

void check_clean(stepped_shards& shards, std::size_t count) {
  shards.settle();
  for (std::size_t i = 0; i < count; ++i) {
    BOOST_TEST(shards.nodes(i) == 0U);
    BOOST_TEST(shards[i].mail().in_flight() == 0U);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(submit_stop)

BOOST_AUTO_TEST_CASE(a_timeout_here_ends_the_work_there) {
  stepped_shards shards{2};
  for (const shard_id to : {shard_id{1}, shard_id{0}}) {
    witness seen;
    const auto before = shards.machine().time;
    const auto value = shards.run(0, [&] { return with_limit(to, &seen); });
    BOOST_REQUIRE(!value.has_value());
    BOOST_TEST((value.error() == errc::timed_out));
    BOOST_TEST(seen.noticed_on == to);
    BOOST_TEST((shards.machine().time < before + 1min));
  }
  check_clean(shards, 2);
}

BOOST_AUTO_TEST_CASE(what_does_not_look_at_its_token_is_waited_for) {
  stepped_shards shards{2};
  const auto before = shards.machine().time;
  const auto value = shards.run(0, [] { return with_limit_deaf(1); });
  BOOST_TEST((value.error() == errc::timed_out));
  BOOST_TEST((shards.machine().time >= before + 50ms));
  check_clean(shards, 2);
}

BOOST_AUTO_TEST_CASE(a_stop_that_came_before_is_seen_from_the_start) {
  stepped_shards shards{2};
  std::stop_source early;
  const std::stop_source quiet;
  early.request_stop();
  BOOST_TEST(shards.run(0, [&] { return submit_to(1, &was_asked, early.get_token()); }));
  BOOST_TEST(!shards.run(0, [&] { return submit_to(1, &was_asked, quiet.get_token()); }));
  BOOST_TEST(shards.run(0, [&] { return submit_to(1, &could_be_asked, quiet.get_token()); }));
  BOOST_TEST(!shards.run(0, [] { return submit_to(1, &could_be_asked, std::stop_token{}); }));
  check_clean(shards, 2);
}

// Single turns of the two shards in every order of six, the stop before each of them.
BOOST_AUTO_TEST_CASE(a_stop_at_every_moment_of_a_call) {
  for (unsigned order = 0; order < 64; ++order) {
    for (unsigned moment = 0; moment < 7; ++moment) {
      stepped_shards shards{2};
      std::stop_source source;
      int answered = 0;
      int stopped = 0;
      task<> call;
      shoal::test::end_note ended;
      {
        const auto here = shards.enter(0);
        call = one_ask<&answer_in>(1, shoal::duration::zero(), source.get_token(), answered, stopped);
        BOOST_TEST(!call.start(ended));
      }
      for (unsigned turn = 0; turn < 7; ++turn) {
        if (turn == moment) {
          const auto here = shards.enter(0);
          source.request_stop();
        }
        shards[(order >> turn) & 1U].turn(false);
      }
      while (ended.count == 0) shards.round();
      {
        const auto here = shards.enter(0);
        call.take();
        call = {};
      }
      BOOST_TEST(answered + stopped == 1);
      check_clean(shards, 2);
    }
  }
}

BOOST_AUTO_TEST_CASE(more_stops_than_a_lane_holds) {
  stepped_shards shards{2};
  int answered = 0;
  int stopped = 0;
  shards.run(0, [&] { return many_asks<&wait_for_ever>(1, 1'500, 1h, answered, stopped); });
  BOOST_TEST(answered == 0);
  BOOST_TEST(stopped == 1'500);
  check_clean(shards, 2);
}

BOOST_AUTO_TEST_CASE(on_threads) {
  shoal::runtime r{shoal::test::small_runtime(2)};
  BOOST_REQUIRE(r.start().has_value());
  std::array<int, 2> answered{};
  std::array<int, 2> stopped{};
  for (int round = 0; round < 50; ++round) {
    const auto from = [&](shard_id here) {
      return shoal::test::run_task(r, here, [&, here] {
        return many_asks<&answer_in>(static_cast<shard_id>(1 - here), 20, 1ms, answered.at(here), stopped.at(here));
      });
    };
    auto first = from(0);
    auto second = from(1);
    first.get();
    second.get();
  }
  r.stop();
  r.wait();
  BOOST_TEST(answered[0] + stopped[0] == 1'000);
  BOOST_TEST(answered[1] + stopped[1] == 1'000);
  BOOST_TEST(shoal::test::left_nothing(r));
}

BOOST_AUTO_TEST_SUITE_END()
