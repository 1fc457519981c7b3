// SPDX-License-Identifier: Apache-2.0
// bench_lanes: what crossing from one core to another costs.
//
//   round trip, awake    both sides spin: two spsc_queues alone (the floor), submit_to, a queue with an eventfd
//   round trip, asleep   the other side sleeps before each round of calls
//   one way              messages of a pair of shards as fast as they go, 256 on their way
//   idle poll            drain() of an empty mailbox, by how many shards there are
//
// Times are per call, of the clock; the two sides are on CPUs 0 and 1. Calls of a round or window are so many at once.
#include <shoal/core/gate.hpp>
#include <shoal/core/mailbox.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/submit.hpp>
#include <tests/bench/queue_pair.hpp>
#include <tests/bench/ratio_table.hpp>
#include <tests/core/mailboxes.hpp>
#include <tests/core/runtime_rig.hpp>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace shoal::bench {
namespace {

using namespace std::chrono_literals;

std::atomic<std::uint64_t> allocations{0};  // of all threads
std::uint64_t allocated_while_calling = 0;
std::uint64_t calls_measured = 0;

using seconds = std::chrono::duration<double>;

template <class Work>
double seconds_of(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return seconds(std::chrono::steady_clock::now() - begin).count();
}

// ---- shards ----

void nothing() {}
task<> calls(std::uint64_t count) {
  for (; count != 0; --count) co_await submit_to(1, &nothing);
}
void no_failure(const std::exception_ptr&) noexcept { std::abort(); }

/// So many callers, each one call after the other.
task<std::uint64_t> window(std::uint64_t count, std::uint64_t at_once) {
  scope callers{no_failure};
  for (std::uint64_t i = 0; i < at_once; ++i) callers.spawn(calls(100));  // lanes and blocks are made on first use
  co_await callers.join();
  const std::uint64_t before = allocations;
  for (std::uint64_t i = 0; i < at_once; ++i) callers.spawn(calls(count / at_once));
  co_await callers.join();
  co_return allocations - before;
}
/// So many calls at once, then all their answers, then again.
task<std::uint64_t> rounds(std::uint64_t count, std::uint64_t at_once) {
  scope callers{no_failure};
  for (; count >= at_once; count -= at_once) {
    for (std::uint64_t i = 0; i < at_once; ++i) callers.spawn(calls(1));
    co_await callers.join();
  }
  co_return 0;
}

/// A message that is sent again as long as there are some left.
struct flood : message {
  flood(std::uint64_t& to_send, gate& sending)
      : message([](message& m) { shard::current().mail().reply(m); },
                [](message& m) { static_cast<flood&>(m).send(); }),
        left(to_send),
        inside(std::move(*sending.enter())) {}
  void send() {
    if (left == 0) return inside.leave();
    --left;
    SHOAL_CHECK(shard::current().mail().try_send(1, *this), "fewer than a lane holds");
  }
  std::uint64_t& left;
  gate::holder inside;
};
task<std::uint64_t> one_way(std::uint64_t count, std::uint64_t at_once) {
  gate sending;
  std::deque<flood> messages;
  for (std::uint64_t i = 0; i < at_once; ++i) messages.emplace_back(count, sending).send();
  co_await sending.close();
  co_return 0;
}

using shard_work = task<std::uint64_t> (*)(std::uint64_t count, std::uint64_t at_once);

template <shard_work Work>
void on_shards(benchmark::State& state, duration idle_spin) {
  auto options = test::small_runtime(2);
  options.shards.cpus = {0, 1};
  options.shards.pin = pin_mode::on;
  options.idle_spin = idle_spin;
  runtime r{options};
  if (!r.start()) return state.SkipWithError("no runtime on CPUs 0 and 1");
  const auto at_once = static_cast<std::uint64_t>(state.range(0));
  const std::uint64_t batch = idle_spin == duration::zero() ? 64 * 16 : 64 * 1024;
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(batch))) {
    state.SetIterationTime(seconds_of([&] {
      allocated_while_calling += test::run_task(r, 0, [&] { return Work(batch, at_once); }).get();
      calls_measured += batch;
    }));
  }
  r.stop();
  r.wait();
}

// ---- queues ----

template <class Pair>
void with_queues(benchmark::State& state) {
  const auto at_once = static_cast<std::uint64_t>(state.range(0));
  constexpr std::uint64_t batch = 64 * 256;
  Pair pair;
  // Both in threads of their own: the main thread keeps its CPUs.
  std::thread there{[&] {
    pin_to(1);
    pair.echo();
  }};
  std::thread here{[&] {
    pin_to(0);
    while (state.KeepRunningBatch(batch)) {
      state.SetIterationTime(seconds_of([&] { pair.window(batch, at_once); }));
    }
    pair.end();
  }};
  here.join();
  there.join();
}

void eventfd_rounds(benchmark::State& state) {
  const auto at_once = static_cast<std::uint64_t>(state.range(0));
  constexpr std::uint64_t batch = 64 * 16;
  eventfd_pair pair;
  std::thread there{[&] {
    pin_to(1);
    pair.echo();
  }};
  std::thread here{[&] {
    pin_to(0);
    while (state.KeepRunningBatch(batch)) {
      state.SetIterationTime(seconds_of([&] {
        for (std::uint64_t done = 0; done < batch; done += at_once) pair.window(at_once, at_once);
      }));
    }
    pair.end();
  }};
  here.join();
  there.join();
}

void awake(benchmark::State& state) { on_shards<window>(state, 10s); }
void asleep(benchmark::State& state) { on_shards<rounds>(state, duration::zero()); }
void flooded(benchmark::State& state) { on_shards<one_way>(state, 10s); }

// ---- idle ----

void idle_poll(benchmark::State& state) {
  test::mailboxes boxes{static_cast<std::size_t>(state.range(0))};
  mailbox& idle = boxes[0];
  for (auto _ : state) benchmark::DoNotOptimize(idle.drain());
}

std::vector<std::string> names;

void add(const std::string& job, const std::string& contender, void (*run)(benchmark::State&), int argument,
         bool by_clock = true) {
  names.push_back(job + '/' + contender);
  auto* made = benchmark::RegisterBenchmark(names.back().c_str(), run)->Arg(argument);
  if (by_clock) made->UseManualTime();
}

void add_all() {
  for (const int at_once : {1, 4, 16, 64}) {
    const std::string job = fmt::format("round trip, awake, {} at once", at_once);
    add(job, "spsc_queue", with_queues<spinning_pair>, at_once);
    add(job, "submit_to", awake, at_once);
    add(job, "eventfd", with_queues<eventfd_pair>, at_once);
  }
  for (const int at_once : {1, 4, 16, 64}) {
    const std::string job = fmt::format("round trip, asleep, {} at once", at_once);
    add(job, "eventfd", eventfd_rounds, at_once);
    add(job, "submit_to", asleep, at_once);
  }
  add("one way, 256 on their way", "spsc_queue", with_queues<spinning_pair>, 256);
  add("one way, 256 on their way", "lane", flooded, 256);
  for (const int shards : {2, 16, 64, 256, 1024})
    add("idle poll", fmt::format("{} shards", shards), idle_poll, shards, false);
}

}  // namespace
}  // namespace shoal::bench

// Not inlined: the compiler would see one half of a pair only, and call it mismatched.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  shoal::bench::allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes != 0 ? bytes : 1)) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

int main(int argc, char** argv) {
  using namespace shoal::bench;
  if (!pin_to(1) || !pin_to_all()) {
    fmt::print("bench_lanes is left out: it needs CPUs 0 and 1\n");
    return 0;
  }
  add_all();
  const int code = run_with_ratios(argc, argv, names);
  fmt::print("heap allocations in {} calls to an awake shard: {}\n", calls_measured, allocated_while_calling);
  return code;
}
