// SPDX-License-Identifier: Apache-2.0
// D13: what GCC 12 compiles wrongly, and that the forms we write instead are right.
//
// A temporary of an expression that co_awaits lives across the suspension, in the coroutine's frame. GCC 12 copies some
// of them bit by bit into the frame and then destroys the copy and the original (GCC bugs 99576, 100611, 102217 and
// kin; later releases and Clang are right). Measured on GCC 12.2, at -O0 and at -O2:
//
//   co_await f(1, [s = std::move(s)] { ... });         the captures of the lambda are destroyed twice
//   co_await dial({.bind = "a string too long for SSO"});   the members of the braced options are destroyed twice
//   co_await (c ? f("x") : f("y"));                    the temporaries are destroyed before the task has run
//
// So inside such an expression: no capturing lambda, no braced temporary, no `?:`. tests/tidy rejects them. Instead a
// captureless function and its arguments, options in named variables, and `if`. `counted` notices a second destruction
// and a use after the end, whatever the allocator makes of it.
#include <shoal/core/sleep.hpp>
#include <shoal/core/task.hpp>
#include <tests/core/counted.hpp>
#include <tests/core/solo_shard.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

using shoal::task;
using shoal::test::counted;
using shoal::test::solo_shard;

namespace {

struct dial_options {
  counted bind{1};
  counted source{2};
  int backlog = 128;
};

/// A function and its arguments, as submit_to takes them.
template <class Function, class... Args>
task<int> call_later(Function function, Args... args) {
  co_await shoal::yield();
  co_return function(std::move(args)...);
}

task<int> dial(dial_options options) {
  co_await shoal::yield();
  co_return options.bind.value() + options.source.value();
}

task<int> value_of(counted what) {
  co_await shoal::yield();
  co_return what.value();
}

task<int> function_and_arguments() {
  counted first{3};
  const int sum =
      co_await call_later([](counted a, counted b) { return a.value() + b.value(); }, std::move(first), counted(4));
  co_return sum;
}

task<int> named_options() {
  dial_options options;
  options.bind = counted{5};
  const int copied = co_await dial(options);
  const int moved = co_await dial(std::move(options));
  co_return copied + moved;
}

task<int> named_lambda() {
  const counted kept{6};
  const auto add = [kept](counted other) { return kept.value() + other.value(); };
  const int sum = co_await call_later(add, counted(7));
  co_return sum;
}

task<int> branches(bool first) {
  int value = 0;
  if (first) {
    value = co_await value_of(counted(8));
  } else {
    value = co_await value_of(counted(9));
  }
  co_return value;
}

task<int> in_a_loop(int times) {
  int sum = 0;
  while (times-- > 0) {
    const int value = co_await value_of(counted(times));
    sum += value;
  }
  co_return sum;
}

/// What `work` returns, after the checks that everything it made is gone, once.
int clean(solo_shard& here, task<int> work) {
  const int mistakes = counted::mistakes();
  const int value = here.run(std::move(work));
  BOOST_TEST(counted::alive() == 0U);
  BOOST_TEST(counted::mistakes() == mistakes);
  BOOST_TEST(here.nodes() == 0U);
  return value;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(d13_suite)

BOOST_AUTO_TEST_CASE(the_forms_of_the_house_destroy_everything_once) {
  solo_shard here;
  BOOST_TEST(clean(here, function_and_arguments()) == 7);
  BOOST_TEST(clean(here, named_options()) == 14);
  BOOST_TEST(clean(here, named_lambda()) == 13);
  BOOST_TEST(clean(here, branches(true)) == 8);
  BOOST_TEST(clean(here, branches(false)) == 9);
  BOOST_TEST(clean(here, in_a_loop(5)) == 10);
}

BOOST_AUTO_TEST_SUITE_END()
