// SPDX-License-Identifier: Apache-2.0
// Eight simulated shards for tests of limits of the whole process.
//
// Thread rule: the test's thread.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sim/world.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>

namespace shoal::test {

inline constexpr unsigned limit_shards = 8;

struct background {
  explicit background(shard&) {}
  scope tasks{[](const std::exception_ptr&) noexcept { std::terminate(); }};
};

[[nodiscard]] inline runtime_options quiet(log_collector& lines) {
  runtime_options options;
  options.shards.shards = limit_shards;
  options.shards.memory_per_shard = std::size_t{8} << 20U;
  options.log.collector = &lines;
  return options;
}

template <class Make>
void spawn_on(runtime& r, shard_id where, Make make) {
  static_cast<void>(r.post(where, [make] { shard::current().local<background>().tasks.spawn(make()); }));
}

/// A time from 0 to `most`, drawn by the shard.
[[nodiscard]] inline duration below(duration most) {
  return duration{
      static_cast<duration::rep>(shard::current().random().below(static_cast<std::uint64_t>(most.count())))};
}

}  // namespace shoal::test
