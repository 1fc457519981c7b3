// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sharded.hpp>

#include <shoal/core/sharded_service.hpp>
#include <shoal/core/sleep.hpp>
#include <tests/core/death.hpp>
#include <tests/core/runtime_rig.hpp>
#include <tests/core/stepped_shards.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using shoal::errc;
using shoal::runtime;
using shoal::shard;
using shoal::shard_id;
using shoal::sharded;
using shoal::sharded_service;
using shoal::task;
using shoal::test::run_task;
using shoal::test::small_runtime;
using shoal::test::stepped_shards;
using namespace std::chrono_literals;

namespace {

shard_id where() { return shard::current().id(); }

std::atomic<int> alive{0};
std::atomic<int> away{0};  // constructions, calls and destructions on a shard that is not theirs

class counter {
 public:
  explicit counter(int first = 0) : value_(first) {
    if (first < 0 && where() == -first) throw std::invalid_argument("shard " + std::to_string(where()));
    ++alive;
  }
  counter(const counter&) = delete;
  counter& operator=(const counter&) = delete;
  ~counter() {
    at_home();
    --alive;
  }

  void add(int more) {
    at_home();
    value_ += more;
  }
  [[nodiscard]] int value() const {
    at_home();
    return value_;
  }
  [[nodiscard]] std::unique_ptr<int> boxed() const { return std::make_unique<int>(value_); }
  [[nodiscard]] bool is_even() const { return value_ % 2 == 0; }
  task<> add_later(int more) {
    co_await shoal::yield();
    add(more);
  }
  task<int> after(shoal::duration length) {
    co_await shoal::sleep_for(length);
    co_return value();
  }
  task<> stop() {
    at_home();
    co_await shoal::yield();
    stopped = true;
  }
  int first_of_all = 7;
  bool stopped = false;

 private:
  void at_home() const {
    if (home_ != where()) ++away;
  }
  shard_id home_ = where();
  int value_;
};

struct plain {
  shard_id made_on = where();
};

counter make_counter(int base) { return counter{base + where()}; }
void add_own_number(counter& mine, int times) { mine.add(times * where()); }
void fail_on_two_and_three(counter& mine) {
  if (where() >= 2) throw std::runtime_error("shard " + std::to_string(where()));
  mine.add(1);
}
task<> fail_later(counter& mine) {
  co_await shoal::yield();
  fail_on_two_and_three(mine);
}

task<int> total(sharded<counter>& counters) { co_return co_await counters.map_reduce(&counter::value, std::plus<>()); }

task<std::string> why(task<> work) {
  try {
    co_await work;
    co_return "nothing";
  } catch (const std::exception& error) {
    co_return error.what();
  }
}

task<std::error_code> code_of(task<int> work) {
  try {
    static_cast<void>(co_await work);
  } catch (const std::system_error& error) {
    co_return error.code();
  }
  co_return std::error_code{};
}

struct fresh_counts {
  fresh_counts() { alive = away = 0; }
  ~fresh_counts() {
    BOOST_TEST(alive == 0);
    BOOST_TEST(away == 0);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sharded_suite)

BOOST_AUTO_TEST_CASE(one_on_every_shard_from_start_to_stop) {
  const fresh_counts counts;
  sharded<counter> counters;
  stepped_shards shards{4};
  for (int round = 0; round < 2; ++round) {
    shards.run(1, [&] { return counters.start(100); });
    BOOST_TEST(alive == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      const auto here = shards.enter(i);
      BOOST_TEST(counters.local().value() == 100);
      counters.local().add(static_cast<int>(i));
    }
    BOOST_TEST(shards.run(0, [&] { return total(counters); }) == 406);
    shards.run(2, [&] { return counters.stop(); });
    BOOST_TEST(alive == 0);
    const auto here = shards.enter(3);
    BOOST_TEST(counters.local_or_null() == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(calls_reach_the_shard_they_name) {
  const fresh_counts counts;
  sharded<counter> counters;
  stepped_shards shards{4};
  shards.run(0, [&] { return counters.start_with(&make_counter, 10); });
  BOOST_TEST(shards.run(0, [&] { return counters.invoke_on(3, &counter::value); }) == 13);
  BOOST_TEST(shards.run(3, [&] { return counters.invoke_on(3, &counter::value); }) == 13);
  BOOST_TEST(*shards.run(0, [&] { return counters.invoke_on(2, &counter::boxed); }) == 12);
  BOOST_TEST(shards.run(0, [&] { return counters.invoke_on(1, &counter::first_of_all); }) == 7);
  BOOST_TEST(shards.run(0, [&] { return counters.invoke_on(1, &counter::after, 2ms); }) == 11);
  shards.run(0, [&] { return counters.invoke_on(1, &counter::add_later, 5); });
  shards.run(2, [&] { return counters.invoke_on_all(&counter::add, 100); });
  shards.run(2, [&] { return counters.invoke_on_all(&counter::add_later, 1'000); });
  shards.run(2, [&] { return counters.invoke_on_all(&add_own_number, 10'000); });
  const auto values = shards.run(1, [&] { return counters.map(&counter::value); });
  BOOST_TEST((values == std::vector{1'110, 11'116, 21'112, 31'113}));
  shards.run(0, [&] { return counters.stop(); });
}

BOOST_AUTO_TEST_CASE(map_reduce_folds_by_number_and_with_an_initial_value_of_another_type) {
  const fresh_counts counts;
  sharded<counter> counters;
  stepped_shards shards{3};
  shards.run(0, [&] { return counters.start_with(&make_counter, 1); });
  const auto join = [](std::string all, int one) { return std::move(all) + std::to_string(one); };
  BOOST_TEST(shards.run(1, [&] { return counters.map_reduce(&counter::value, std::string("n"), join); }) == "n123");
  BOOST_TEST(shards.run(2, [&] { return counters.map_reduce(&counter::value, std::minus<>()); }) == 1 - 2 - 3);
  BOOST_TEST(!shards.run(2, [&] { return counters.map_reduce(&counter::is_even, std::logical_and<>()); }));
  const auto waited = [&] { return counters.map_reduce(&counter::after, 0.5, std::plus<>(), 1ms); };
  BOOST_TEST(shards.run(0, waited) == 6.5);
  shards.run(0, [&] { return counters.stop(); });
}

BOOST_AUTO_TEST_CASE(who_cannot_be_made_on_one_shard_is_made_on_none) {
  const fresh_counts counts;
  sharded<counter> counters;
  stepped_shards shards{4};
  BOOST_TEST(shards.run(0, [&] { return why(counters.start(-2)); }) == "shard 2");
  BOOST_TEST(alive == 0);
  shards.run(0, [&] { return counters.start(1); });
  BOOST_TEST(alive == 4);
  shards.run(0, [&] { return counters.stop(); });
}

BOOST_AUTO_TEST_CASE(an_exception_waits_for_the_others_and_the_lowest_shard_wins) {
  const fresh_counts counts;
  sharded<counter> counters;
  stepped_shards shards{4};
  shards.run(0, [&] { return counters.start(0); });
  for (const shard_id from : {shard_id{0}, shard_id{3}}) {
    BOOST_TEST(shards.run(from, [&] { return why(counters.invoke_on_all(&fail_on_two_and_three)); }) == "shard 2");
    BOOST_TEST(shards.run(from, [&] { return why(counters.invoke_on_all(&fail_later)); }) == "shard 2");
  }
  BOOST_TEST(shards.run(0, [&] { return total(counters); }) == 8);
  shards.run(0, [&] { return counters.stop(); });
}

BOOST_AUTO_TEST_CASE(calls_under_way_end_before_the_object_and_later_ones_are_told) {
  const fresh_counts counts;
  sharded<counter> counters;
  stepped_shards shards{2};
  BOOST_TEST((shards.run(0, [&] { return code_of(counters.invoke_on(1, &counter::value)); }) == errc::stopped));
  shards.run(0, [&] { return counters.start(5); });
  task<int> call;
  shoal::test::end_note ended;
  {
    const auto here = shards.enter(0);
    call = counters.invoke_on(1, &counter::after, 50ms);
    BOOST_TEST(!call.start(ended));
  }
  shards.round();
  shards.run(0, [&] { return counters.stop(); });  // waits for it: ~counter() sees a sleeper otherwise
  while (ended.count == 0) shards.round();
  {
    const auto here = shards.enter(0);
    BOOST_TEST(call.take() == 5);
    call = {};
  }
  BOOST_TEST((shards.run(0, [&] { return code_of(counters.invoke_on(1, &counter::value)); }) == errc::stopped));
  BOOST_TEST((shards.run(0, [&] { return code_of(total(counters)); }) == errc::stopped));
  shards.run(0, [&] { return counters.stop(); });  // harmless
}

BOOST_AUTO_TEST_CASE(not_stopped_in_time_is_a_failed_check) {
  BOOST_TEST(shoal::test::aborts([] {
    stepped_shards shards{2};
    sharded<plain> ones;
    shards.run(0, [&] { return ones.start(); });
  }));
  BOOST_TEST(shoal::test::aborts([] {
    sharded<plain> ones;
    stepped_shards shards{2};
    shards.run(0, [&] { return ones.start(); });
  }));
  BOOST_TEST(shoal::test::aborts([] {
    stepped_shards shards{2};
    sharded<plain> ones;
    const auto here = shards.enter(0);
    static_cast<void>(ones.local());
  }));
}

BOOST_AUTO_TEST_CASE(on_threads) {
  const fresh_counts counts;
  sharded<counter> counters;
  runtime r{small_runtime(4)};
  BOOST_REQUIRE(r.start().has_value());
  run_task(r, 1, [&] { return counters.start(1); }).get();
  std::vector<std::future<void>> calls;
  for (shard_id from = 0; from < 4; ++from) {
    calls.push_back(run_task(r, from, [&] { return counters.invoke_on_all(&counter::add_later, 10); }));
  }
  for (auto& call : calls) call.get();
  BOOST_TEST(run_task(r, 2, [&] { return total(counters); }).get() == 164);
  run_task(r, 3, [&] { return counters.stop(); }).get();
  r.stop();
  r.wait();
  BOOST_TEST(shoal::test::left_nothing(r));
}

BOOST_AUTO_TEST_CASE(with_its_runtime_it_is_there_before_the_services_behind_it) {
  const fresh_counts counts;
  shoal::test::journal lines;
  runtime r{small_runtime(3)};
  sharded_service<counter> counters{r, 5};
  shoal::test::recording_service user{r, lines, "user"};
  std::atomic<int> seen{0};
  user.on_start = [&](const shard&) { seen += counters.local().value(); };
  user.on_stop = [&](const shard&, shoal::instant) -> task<> {
    seen += counters.local().stopped ? 0 : 100;
    co_return;
  };
  for (int round = 1; round <= 2; ++round) {
    BOOST_REQUIRE(r.start().has_value());
    BOOST_TEST(alive == 3);
    BOOST_TEST(run_task(r, 2, [&] { return total(counters); }).get() == 15);
    r.stop();
    r.wait();
    BOOST_TEST(alive == 0);
    BOOST_TEST(seen == round * 315);
  }
}

BOOST_AUTO_TEST_CASE(with_its_runtime_it_fails_the_start_when_one_cannot_be_made) {
  const fresh_counts counts;
  runtime r{small_runtime(3)};
  const sharded_service<plain> before{r};
  const sharded_service<counter> counters{r, -1};
  const auto started = r.start();
  BOOST_REQUIRE(!started.has_value());
  BOOST_TEST((started.error().error == errc::handler_failed));
  BOOST_TEST(started.error().what == "shard 1: shard 1");
}

BOOST_AUTO_TEST_SUITE_END()
