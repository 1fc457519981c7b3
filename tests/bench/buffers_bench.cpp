// SPDX-License-Identifier: Apache-2.0
// link_buffer beside other buffers, the slab beside other allocators: ./bench_buffers prints a table of medians.
//
// All google-benchmark options work; by default each job runs 7 times, contenders in random turns, so that what else
// the machine does hits all alike.
#include <tests/bench/buffers_contenders.hpp>
#include <tests/bench/ratio_table.hpp>

#include <benchmark/benchmark.h>
#include <mimalloc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shoal::bench {
namespace {

const std::string& lines() {
  static const std::string text = [] {
    std::string all;
    while (all.size() + 100 <= 65536) all += std::string(99, static_cast<char>('a' + all.size() / 100 % 26)) + '\n';
    return all;
  }();
  return text;
}

/// 64 KiB of 100-byte lines that arrive in reads of 16 KiB.
template <class Buffer>
void parse_lines(benchmark::State& state) {
  Buffer input;
  std::size_t count = 0;
  for (auto _ : state) {
    for (std::string_view left = lines(); !left.empty();) {
      const std::size_t n = std::min<std::size_t>(left.size(), 16384);
      input.receive(left.substr(0, n));
      left.remove_prefix(n);
      input.each_line([&count](std::string_view line) { count += line.size() + static_cast<unsigned char>(line[0]); });
    }
  }
  benchmark::DoNotOptimize(count);
}

/// 1 MiB from one connection to another in reads of 16 KiB, each sent before the next arrives.
template <class Buffer>
void forward(benchmark::State& state) {
  static const std::string piece(16384, 'x');
  Buffer input;
  Buffer output;
  std::size_t sent = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < 64; ++i) {
      input.receive(piece);
      input.forward(output);
      sent += output.send();
    }
  }
  benchmark::DoNotOptimize(sent);
}

/// A request of 64 bytes is read, a reply of 128 bytes written and sent. Afterwards the connection waits, either
/// without memory, or keeping what it has for the next request.
template <class Buffer, bool Keep>
void reply(benchmark::State& state) {
  static const std::string request(64, 'q');
  static const std::string response(128, 'r');
  Buffer input;
  Buffer output;
  std::size_t sum = 0;
  for (auto _ : state) {
    input.receive(request);
    sum += static_cast<unsigned char>(input.next(64)[5]);
    output.write(response);
    input.done();
    sum += output.send();
    if (!Keep) {
      input.idle();
      output.idle();
    }
  }
  benchmark::DoNotOptimize(sum);
}

// --- 4 KiB, allocated and freed by two threads with a slab each
// -------------------------------------------------------

struct with_slab {
  slab_ptr memory = slab::make();
  using held = block_ref;
  held take() { return std::move(*memory->allocate_block(4096)); }
  static void give(held& block) { block = {}; }
};
struct with_malloc {
  using held = void*;
  static held take() { return std::malloc(4096); }
  static void give(held memory) { std::free(memory); }
};
struct with_mimalloc {
  using held = void*;
  static held take() { return ::mi_malloc(4096); }
  static void give(held memory) { ::mi_free(memory); }
};

template <class Allocator, std::size_t AtOnce>
void allocate(benchmark::State& state) {
  Allocator memory;
  std::array<typename Allocator::held, AtOnce> held{};
  for (auto _ : state) {
    for (auto& h : held) {
      h = memory.take();
      // Const: with an lvalue to change, GCC 12 may keep the pointer in a slot of its own and free what was never
      // stored.
      benchmark::DoNotOptimize(std::as_const(h));
    }
    for (auto& h : held) Allocator::give(h);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * AtOnce));
}

std::vector<std::string> names;

void add(const std::string& job, const std::string& contender, void (*run)(benchmark::State&), int threads = 1) {
  names.push_back(job + '/' + contender);
  benchmark::RegisterBenchmark(names.back().c_str(), run)->Threads(threads);
}

template <class Buffer>
void add_jobs(const std::string& contender) {
  add("parse 64 KiB of lines", contender, parse_lines<Buffer>);
  add("forward 1 MiB", contender, forward<Buffer>);
  add("request, reply, nothing kept", contender, reply<Buffer, false>);
  add("request, reply, memory kept", contender, reply<Buffer, true>);
}

template <class Allocator>
void add_allocations(const std::string& contender) {
  add("4 KiB, one at a time", contender, allocate<Allocator, 1>, 2);
  add("4 KiB, 32 at a time", contender, allocate<Allocator, 32>, 2);
}

}  // namespace
}  // namespace shoal::bench

int main(int argc, char** argv) {
  using namespace shoal::bench;
  add_jobs<with_link_buffer>("link_buffer");
  add_jobs<with_string>("std::string");
  add_jobs<with_flat_buffer>("flat_buffer");
  add_jobs<with_multi_buffer>("multi_buffer");
  add_jobs<with_evbuffer>("evbuffer");
  add_allocations<with_slab>("slab");
  add_allocations<with_malloc>("malloc");
  add_allocations<with_mimalloc>("mimalloc");
  return run_with_ratios(argc, argv, names);
}
