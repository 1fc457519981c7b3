// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/shard.hpp>

#include <shoal/buffers/block_ref.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <tests/core/death.hpp>
#include <tests/core/stepped_shards.hpp>

#include <boost/test/unit_test.hpp>

#include <deque>
#include <functional>
#include <string>
#include <vector>

using shoal::duration;
using shoal::fd_operator;
using shoal::instant;
using shoal::run_item;
using shoal::shard;
using shoal::task;
using shoal::timer;
using shoal::test::solo_shard;
using shoal::test::stepped_shards;
using namespace std::chrono_literals;

namespace {

using words = std::vector<std::string>;

struct step : run_item {
  step(words& target, std::string what)
      : run_item([](run_item& item) {
          auto& self = static_cast<step&>(item);
          self.log.push_back(self.text);
        }),
        log(target),
        text(std::move(what)) {}
  words& log;
  std::string text;
};

struct again : run_item {
  again()
      : run_item([](run_item& item) {
          auto& self = static_cast<again&>(item);
          ++self.runs;
          shard::current().schedule(self);
        }) {}
  int runs = 0;
};

struct fuse : timer {
  fuse(words& target, std::string what)
      : timer([](timer& t) noexcept {
          auto& self = static_cast<fuse&>(t);
          self.log.push_back(self.text);
        }),
        log(target),
        text(std::move(what)) {}
  words& log;
  std::string text;
};

/// No descriptor: only the two steps of the turn that concern the shard.
struct actor : fd_operator {
  explicit actor(words& target) : log(target) {}
  std::span<std::byte> inputs() override { return {}; }
  void input_ack(std::size_t) override {}
  std::size_t outputs(std::span<iovec>) override { return 0; }
  void output_ack(std::size_t) override {}
  void hung_up(std::error_code) override {}
  void retired() override {}
  void deliver() override {
    log.emplace_back("deliver");
    if (on_deliver) on_deliver();
  }
  void flush_dirty() override {
    log.emplace_back("flush");
    if (on_flush) on_flush();
  }
  words& log;
  std::function<void()> on_deliver;
  std::function<void()> on_flush;
};

struct foreign_step : shoal::foreign_item {
  foreign_step(words& target, std::string what) : log(target), text(std::move(what)) {}
  void run() override { log.push_back(text); }
  words& log;
  std::string text;
};

void post(shard& to, words& log, std::string text) {
  std::unique_ptr<shoal::foreign_item> item = std::make_unique<foreign_step>(log, std::move(text));
  BOOST_TEST(to.mail().post_foreign(item));
}

int one() { return 1; }

}  // namespace

BOOST_AUTO_TEST_SUITE(shard_suite)

BOOST_AUTO_TEST_CASE(a_turn_takes_its_steps_in_the_order_that_is_drawn) {
  solo_shard here;
  words log;
  actor op{log};
  step ready{log, "task"};
  fuse due{log, "timer"};
  here->mark_dirty(op);
  here->timers().arm(due, instant{});
  here->schedule(ready);
  post(*here, log, "mail");
  here->schedule_delivery(op);
  here.turn();
  BOOST_TEST((log == words{"deliver", "mail", "task", "timer", "flush"}));
  BOOST_TEST(here->counters().turns == 1U);
  BOOST_TEST(here->counters().deliveries == 1U);
  BOOST_TEST(here->counters().messages == 1U);
  BOOST_TEST(here->counters().tasks == 1U);
  BOOST_TEST(here->counters().timers == 1U);
  BOOST_TEST(here->counters().flushes == 1U);
}

BOOST_AUTO_TEST_CASE(deliveries_and_flushes_asked_for_twice_happen_once) {
  solo_shard here;
  words log;
  actor op{log};
  for (int i = 0; i < 3; ++i) {
    here->schedule_delivery(op);
    here->mark_dirty(op);
  }
  here.turn();
  BOOST_TEST((log == words{"deliver", "flush"}));
  here.turn();
  BOOST_TEST(log.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_delivery_that_asks_again_waits_for_the_next_turn) {
  solo_shard here;
  words log;
  actor op{log};
  op.on_deliver = [&] {
    if (log.size() < 3) here->schedule_delivery(op);
  };
  here->schedule_delivery(op);
  here.turn();
  BOOST_TEST(log.size() == 1U);
  here.turn();
  BOOST_TEST(log.size() == 2U);
  here.turn();
  here.turn();
  BOOST_TEST(log.size() == 3U);
  // A turn with a delivery ahead does not sleep.
  BOOST_TEST(here->io().counters().waits == 1U);
}

BOOST_AUTO_TEST_CASE(what_becomes_dirty_in_the_turn_leaves_at_its_end) {
  solo_shard here;
  words log;
  actor op{log};
  op.on_deliver = [&] { here->mark_dirty(op); };
  here->schedule_delivery(op);
  here.turn();
  BOOST_TEST((log == words{"deliver", "flush"}));
}

BOOST_AUTO_TEST_CASE(a_task_that_never_rests_does_not_hold_the_turn) {
  solo_shard here;
  again restless;
  here->schedule(restless);
  here.turn();
  BOOST_TEST(restless.runs == static_cast<int>(shoal::task_budget));
  here.turn();
  BOOST_TEST(restless.runs == 2 * static_cast<int>(shoal::task_budget));
  BOOST_TEST(here->io().counters().waits == 0U);
  // It must not stay in the queue of a shard that goes.
  restless.run = [](run_item&) {};
  here.turn();
}

BOOST_AUTO_TEST_CASE(timers_beyond_the_budget_fire_in_the_next_turns) {
  solo_shard here;
  words log;
  std::deque<fuse> fuses;
  constexpr std::size_t count = 2 * shoal::timer_budget + 10;
  for (std::size_t i = 0; i < count; ++i) {
    here->timers().arm(fuses.emplace_back(log, std::to_string(i)), here->now());
  }
  here.turn();
  BOOST_TEST(log.size() == shoal::timer_budget);
  here.turn();
  here.turn();
  BOOST_TEST(log.size() == count);
}

BOOST_AUTO_TEST_CASE(posts_beyond_the_budget_run_in_the_next_turns_in_order) {
  solo_shard here;
  words log;
  constexpr std::size_t count = 3 * shoal::drain_budget;
  words expected;
  for (std::size_t i = 0; i < count; ++i) {
    post(*here, log, std::to_string(i));
    expected.push_back(std::to_string(i));
  }
  here.turn();
  BOOST_TEST(log.size() == shoal::drain_budget);
  post(*here, log, "late");
  expected.emplace_back("late");
  for (int i = 0; i < 3; ++i) here.turn();
  BOOST_TEST((log == expected));
  BOOST_TEST(here->io().counters().waits == 0U);
}

BOOST_AUTO_TEST_CASE(time_stands_still_within_a_turn) {
  solo_shard here;
  words log;
  actor op{log};
  std::vector<instant> seen;
  op.on_deliver = [&] {
    here.machine().time += 5s;
    seen.push_back(here->now());
  };
  op.on_flush = [&] { seen.push_back(here->now()); };
  here->schedule_delivery(op);
  here->mark_dirty(op);
  here.turn();
  BOOST_REQUIRE(seen.size() == 2U);
  BOOST_TEST((seen[0] == seen[1]));
  here.turn();
  BOOST_TEST((here->now() == seen[0] + 5s));
}

BOOST_AUTO_TEST_CASE(sleeps_until_the_next_timer_and_not_longer) {
  solo_shard here;
  words log;
  fuse soon{log, "soon"};
  fuse later{log, "later"};
  const instant start = here->now();
  here->timers().arm(later, start + 2s);
  here->timers().arm(soon, start + 1s);
  here.turn();
  BOOST_TEST((log == words{"soon"}));
  BOOST_TEST((here->now() >= start + 1s));
  BOOST_TEST((here->now() <= start + 1s + shoal::timer_wheel::resolution));
  here.turn();
  BOOST_TEST((log == words{"soon", "later"}));
  BOOST_TEST(here->io().counters().waits == 2U);
}

BOOST_AUTO_TEST_CASE(after_work_unused_memory_goes_back_and_then_nothing_ticks) {
  solo_shard here;
  words log;
  {
    auto block = here->memory().allocate_block(std::size_t{64} << 10);
    BOOST_REQUIRE(block.has_value());
  }
  BOOST_TEST(here->memory().bytes_held() > 0U);
  step ready{log, "task"};
  here->schedule(ready);
  here.turn();
  BOOST_TEST(here.comes_to_rest());
  BOOST_TEST(here->memory().bytes_held() == 0U);
  // An idle shard sleeps for ever.
  const instant before = here->now();
  here.turn();
  BOOST_TEST((here->now() == before));
}

BOOST_AUTO_TEST_CASE(a_turn_that_may_not_block_does_not) {
  solo_shard here;
  words log;
  fuse soon{log, "soon"};
  const instant start = here->now();
  here->timers().arm(soon, start + 1s);
  here->turn(false);
  BOOST_TEST((here->now() == start));
  BOOST_TEST(log.empty());
  BOOST_TEST(here->io().counters().waits == 0U);
}

BOOST_AUTO_TEST_CASE(spins_for_idle_spin_after_the_last_work_of_any_kind) {
  constexpr duration spin = 10ms;
  solo_shard here{spin};
  words log;
  actor op{log};
  step ready{log, "task"};
  fuse due{log, "timer"};
  const std::array<std::function<void()>, 4> kinds{
      [&] { here->schedule_delivery(op); },
      [&] { here->schedule(ready); },
      [&] { post(*here, log, "mail"); },
      [&] { here->timers().arm(due, instant{}); },
  };
  for (const auto& work : kinds) {
    here.machine().time += 1h;
    here.turn();  // it sleeps again
    log.clear();
    work();
    here.turn();
    BOOST_REQUIRE(log.size() == 1U);
    const auto waits = here->io().counters().waits;
    here.machine().time += spin / 2;
    here.turn();
    here.machine().time += spin / 2 - 1ns;
    here.turn();
    BOOST_TEST(here->io().counters().waits == waits, log.front());
    here.machine().time += 2ns;
    here.turn();
    here.turn();
    BOOST_TEST(here->io().counters().waits > waits, log.front());
  }
}

BOOST_AUTO_TEST_CASE(what_was_sent_outside_a_turn_is_published_before_the_shard_sleeps) {
  stepped_shards shards{2};
  task<int> call;
  shoal::test::end_note end;
  {
    const auto here = shards.enter(0);
    call = shoal::submit_to(1, &one);
    BOOST_TEST(!call.start(end));
  }
  // A shard that starts or stops runs tasks between its turns, and its next poll may sleep for ever.
  int sleeps = 0;
  shards.machine().on_sleep = [&] {
    ++sleeps;
    BOOST_TEST(shards[1].mail().has_mail());
  };
  shards[0].turn(true);
  BOOST_TEST(sleeps == 1);
  shards.machine().on_sleep = nullptr;
  shards.settle();
  BOOST_TEST(end.count == 1);
  const auto here = shards.enter(0);
  BOOST_TEST(call.take() == 1);
  call = {};
}

BOOST_AUTO_TEST_CASE(reports_that_make_no_sense_for_an_operator_end_the_program) {
  words log;
  actor op{log};
  BOOST_TEST(shoal::test::aborts([&] { op.accepted(-1, {}); }));
  BOOST_TEST(shoal::test::aborts([&] { op.accept_failed({}); }));
  BOOST_TEST(shoal::test::aborts([&] { op.connected({}); }));
}

BOOST_AUTO_TEST_CASE(current_is_the_shard_that_runs) {
  stepped_shards shards{2};
  BOOST_TEST(shard::current_or_null() == nullptr);
  const auto in_a_task = [&](std::size_t on) {
    return shards.run(on, []() -> task<shard*> {
      co_await shoal::yield();
      co_return &shard::current();
    });
  };
  BOOST_TEST(in_a_task(0) == &shards[0]);
  BOOST_TEST(in_a_task(1) == &shards[1]);
  BOOST_TEST(shard::current_or_null() == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
