// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/offload.hpp>

#include <shoal/core/scope.hpp>
#include <tests/core/runtime_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using shoal::offload;
using shoal::runtime;
using shoal::scope;
using shoal::shard;
using shoal::task;
using namespace shoal::test;

namespace {

std::string name_of_this_thread() {
  std::string name(16, '\0');
  ::pthread_getname_np(::pthread_self(), name.data(), name.size());
  return name.c_str();
}

bool is_no_shard() { return shard::current_or_null() == nullptr; }
int failing(const std::string& why) { throw std::runtime_error(why); }
std::unique_ptr<int> doubled(std::unique_ptr<int> value) {
  *value *= 2;
  return value;
}
void meet(std::latch* everyone) { everyone->arrive_and_wait(); }
void wait_for(std::atomic<bool>* gate) { gate->wait(false); }

void no_failure(const std::exception_ptr&) noexcept { BOOST_ERROR("a child failed"); }

task<std::string> helper_name() {
  const auto home = shard::current().id();
  auto name = co_await offload(&name_of_this_thread);
  const bool apart = co_await offload(&is_no_shard);
  co_return shard::current().id() == home&& apart ? name : "resumed elsewhere";
}

task<int> moved_there_and_back() {
  auto value = std::make_unique<int>(21);
  auto back = co_await offload(&doubled, std::move(value));
  co_return *back;
}

task<std::string> caught() {
  const std::string why = "no such file";
  try {
    static_cast<void>(co_await offload(&failing, why));
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "nothing was thrown";
}

task<> one_wait(std::atomic<bool>& gate, std::vector<int>& order, int number) {
  co_await offload(&wait_for, &gate);
  order.push_back(number);
}

task<std::vector<int>> many(std::atomic<bool>& gate, int count) {
  std::vector<int> order;
  scope children{no_failure};
  for (int i = 0; i < count; ++i) children.spawn(one_wait(gate, order, i));
  co_await children.join();
  co_return order;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(offload_calls)

BOOST_AUTO_TEST_CASE(runs_on_a_helper_and_resumes_on_the_shard) {
  runtime r{small_runtime(2)};
  BOOST_REQUIRE(r.start().has_value());
  for (shoal::shard_id where = 0; where < 2; ++where) {
    BOOST_TEST(run_task(r, where, &helper_name).get().starts_with("shoal-help-"));
    BOOST_TEST(run_task(r, where, &moved_there_and_back).get() == 42);
  }
  r.stop();
  r.wait();
  BOOST_TEST(left_nothing(r));
}

BOOST_AUTO_TEST_CASE(an_exception_is_thrown_where_it_was_awaited) {
  runtime r{small_runtime(1)};
  BOOST_REQUIRE(r.start().has_value());
  // Caught on the shard: the library that counts references to exceptions is not instrumented by the thread sanitizer.
  BOOST_TEST(run_task(r, 0, &caught).get() == "no such file");
}

BOOST_AUTO_TEST_CASE(helpers_work_side_by_side) {
  auto options = small_runtime(1);
  options.helper_threads = 3;
  runtime r{options};
  BOOST_REQUIRE(r.start().has_value());
  std::latch everyone{3};  // nobody passes unless three calls run at the same time
  std::vector<std::future<void>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(run_task(r, 0, [&everyone] { return offload(&meet, &everyone); }));
  for (auto& call : calls) call.get();
}

BOOST_AUTO_TEST_CASE(more_calls_than_a_shards_share_wait_their_turn) {
  auto options = small_runtime(1);
  options.helper_threads = 1;
  runtime r{options};
  BOOST_REQUIRE(r.start().has_value());
  constexpr int count = 3 * static_cast<int>(shoal::offloads_per_shard);
  std::atomic<bool> gate{false};
  auto all = run_task(r, 0, [&gate] { return many(gate, count); });
  // All that may be under way are; the shard itself is not held by any of them.
  r.post(0, [] {}).get();
  gate = true;
  gate.notify_all();
  const auto order = all.get();
  BOOST_TEST(order.size() == static_cast<std::size_t>(count));
  BOOST_TEST(std::ranges::is_sorted(order));
}

BOOST_AUTO_TEST_CASE(a_stop_waits_for_a_call_that_has_begun) {
  auto options = small_runtime(1);
  runtime r{options};
  BOOST_REQUIRE(r.start().has_value());
  std::atomic<bool> gate{false};
  auto call = run_task(r, 0, [&gate] { return offload(&wait_for, &gate); });
  r.post(0, [] {}).get();
  r.stop_now();
  std::thread later([&gate] {
    gate = true;
    gate.notify_all();
  });
  r.wait();
  later.join();
  call.get();
  BOOST_TEST(left_nothing(r));
}

BOOST_AUTO_TEST_SUITE_END()
