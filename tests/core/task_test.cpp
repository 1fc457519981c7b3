// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/task.hpp>

#include <shoal/core/sleep.hpp>
#include <tests/core/counted.hpp>
#include <tests/core/death.hpp>
#include <tests/core/small_stack.hpp>
#include <tests/core/solo_shard.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using shoal::task;
using shoal::test::counted;
using shoal::test::end_note;
using shoal::test::solo_shard;

namespace {

constexpr std::size_t small_stack = std::size_t{256} << 10;

task<int> ready(int value) { co_return value; }

task<int> after_a_yield(int value) {
  co_await shoal::yield();
  co_return value;
}

task<std::unique_ptr<std::string>> boxed(std::string text) {
  co_await shoal::yield();
  co_return std::make_unique<std::string>(std::move(text));
}

task<> append(std::vector<int>& log, int value) {
  log.push_back(value);
  co_await shoal::yield();
  log.push_back(-value);
}

task<int> throwing(bool late) {
  if (late) co_await shoal::yield();
  throw std::runtime_error(late ? "late" : "early");
}

task<int> passing_on(int depth, bool late) {
  if (depth == 0) {
    const int value = co_await throwing(late);
    co_return value;
  }
  const int value = co_await passing_on(depth - 1, late);
  co_return value;
}

task<std::string> catching(bool late) {
  try {
    static_cast<void>(co_await passing_on(5, late));
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "nothing was thrown";
}

task<counted> keeping(counted argument, bool fails) {
  const counted local{argument.value() + 1};
  const int suspended = co_await after_a_yield(local.value());
  if (fails) throw counted{suspended};
  co_return counted{suspended + 1};
}

task<int> sum_of_ready(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) {
    const int one = co_await ready(1);
    sum += one;
  }
  co_return sum;
}

/// `depth` tasks that wait for each other; the last one yields or not.
task<int> nested(int depth, bool yields) {
  if (depth <= 1) {
    if (yields) co_await shoal::yield();
    co_return 1;
  }
  const int below = co_await nested(depth - 1, yields);
  co_return below + 1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(task_suite)

BOOST_AUTO_TEST_CASE(gives_the_value_to_who_awaits_it) {
  solo_shard here;
  BOOST_TEST(here.run(ready(7)) == 7);
  BOOST_TEST(here.run(after_a_yield(8)) == 8);
  BOOST_TEST(here.run(sum_of_ready(100)) == 100);
}

BOOST_AUTO_TEST_CASE(runs_to_the_first_suspension_when_started_and_no_sooner) {
  solo_shard here;
  std::vector<int> log;
  task<> work = append(log, 5);
  BOOST_TEST(log.empty());
  end_note end;
  BOOST_TEST(!work.start(end));
  BOOST_TEST(log == std::vector<int>{5});
  BOOST_TEST(!work.done());
  here.turn();
  BOOST_TEST((log == std::vector<int>{5, -5}));
  BOOST_TEST(work.done());
  BOOST_TEST(end.count == 1);
  here.turn();
  BOOST_TEST(end.count == 1);
}

BOOST_AUTO_TEST_CASE(start_says_when_it_has_already_finished) {
  solo_shard here;
  auto work = ready(3);
  end_note end;
  BOOST_TEST(work.start(end));
  BOOST_TEST(work.take() == 3);
  here.turn();
  BOOST_TEST(end.count == 0);
}

BOOST_AUTO_TEST_CASE(a_move_only_value_arrives) {
  solo_shard here;
  const auto text = here.run(boxed("a text that is longer than any small string"));
  BOOST_TEST(*text == "a text that is longer than any small string");
}

BOOST_AUTO_TEST_CASE(an_exception_goes_to_who_awaits) {
  solo_shard here;
  BOOST_TEST(here.run(catching(false)) == "early");
  BOOST_TEST(here.run(catching(true)) == "late");
  BOOST_CHECK_THROW(here.run(throwing(false)), std::runtime_error);
  BOOST_CHECK_THROW(here.run(throwing(true)), std::runtime_error);
  BOOST_TEST(here.nodes() == 0U);
}

BOOST_AUTO_TEST_CASE(every_frame_and_everything_in_it_goes_exactly_once) {
  const int mistakes = counted::mistakes();
  solo_shard here;
  {
    const auto value = here.run(keeping(counted{10}, false));
    BOOST_TEST(value.value() == 12);
    BOOST_TEST(counted::alive() == 1U);
    BOOST_CHECK_THROW(here.run(keeping(counted{10}, true)), counted);
  }
  BOOST_TEST(counted::alive() == 0U);
  BOOST_TEST(here.nodes() == 0U);
  BOOST_TEST(counted::mistakes() == mistakes);
}

BOOST_AUTO_TEST_CASE(a_task_that_never_starts_frees_its_arguments) {
  const int mistakes = counted::mistakes();
  solo_shard here;
  {
    auto first = keeping(counted{1}, false);
    auto second = keeping(counted{2}, false);
    BOOST_TEST(counted::alive() == 2U);
    BOOST_TEST(here.nodes() >= 2U);
    first = std::move(second);  // frees the first
    BOOST_TEST(counted::alive() == 1U);
    BOOST_TEST(!second);
    task<counted> third = std::move(first);
    BOOST_TEST(static_cast<bool>(third));
  }
  BOOST_TEST(counted::alive() == 0U);
  BOOST_TEST(here.nodes() == 0U);
  BOOST_TEST(counted::mistakes() == mistakes);
}

BOOST_AUTO_TEST_CASE(destroying_a_task_that_waits_ends_the_program) {
  BOOST_TEST(shoal::test::aborts([] {
    const solo_shard here;
    end_note end;
    auto work = after_a_yield(1);
    static_cast<void>(work.start(end));
  }));
}

// GCC turns symmetric transfer into a jump only when it optimises: without the counted depth this overflows the stack
// at -O0, at -O1 and under the sanitizers, and passes at -O2.
BOOST_AUTO_TEST_CASE(ten_million_ready_awaits_fit_a_small_stack) {
  constexpr int count = 10'000'000;
  int sum = 0;
  std::uint64_t left = 1;
  shoal::test::on_stack_of(small_stack, [&] {
    solo_shard here;
    sum = here.run(sum_of_ready(count));
    left = here.nodes();
  });
  BOOST_TEST(sum == count);
  BOOST_TEST(left == 0U);
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_nested_tasks_fit_a_small_stack) {
  constexpr int depth = 100'000;
  for (const bool yields : {false, true}) {
    int reached = 0;
    std::uint64_t left = 1;
    shoal::test::on_stack_of(small_stack, [&] {
      solo_shard here;
      reached = here.run(nested(depth, yields));
      left = here.nodes();
    });
    BOOST_TEST(reached == depth);
    BOOST_TEST(left == 0U);
  }
}

// Where a completion runs decides what runs before it. A build that nests deeper or shallower than another would replay
// a seed differently, so these counts are exact and the same everywhere.
BOOST_AUTO_TEST_CASE(nesting_goes_through_the_run_queue_at_the_same_depths_in_every_build) {
  const auto tasks_run = [](int depth, bool yields) {
    solo_shard here;
    static_cast<void>(here.run(nested(depth, yields)));
    return here->counters().tasks;
  };
  static_assert(shoal::inline_depth_limit == 32);
  BOOST_TEST(tasks_run(1, false) == 0U);
  BOOST_TEST(tasks_run(32, false) == 0U);
  // The 33rd task starts from the run queue. When it ends, the 32 above it end inside that, and run()'s own note is the
  // 33rd completion.
  BOOST_TEST(tasks_run(33, false) == 2U);
  BOOST_TEST(tasks_run(65, false) == 2U);
  BOOST_TEST(tasks_run(66, false) == 4U);
  BOOST_TEST(tasks_run(1'000, false) == 60U);
  BOOST_TEST(tasks_run(1'000, true) == 61U);
}

BOOST_AUTO_TEST_CASE(the_inline_depth_is_back_at_zero_after_any_nesting) {
  solo_shard here;
  static_cast<void>(here.run(nested(1'000, true)));
  static_cast<void>(here.run(nested(1'000, false)));
  BOOST_CHECK_THROW(here.run(throwing(true)), std::runtime_error);
  // 32 levels are free again, and no more.
  for (unsigned level = 0; level < shoal::inline_depth_limit; ++level) BOOST_TEST(here->enter_inline());
  BOOST_TEST(!here->enter_inline());
  for (unsigned level = 0; level < shoal::inline_depth_limit; ++level) here->leave_inline();
}

BOOST_AUTO_TEST_SUITE_END()
