// SPDX-License-Identifier: Apache-2.0
// One shard as its runtime sees it: on a thread, or stepped by a host that has none.
//
// Thread rule: `id` and `io` as runtime.hpp says of members; the rest belongs to the shard's thread.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sleep.hpp>

#include <thread>

namespace shoal {

struct runtime::member final : stepped_loop {
  member(runtime& r, shard_id number) : owner(r), id(number) {}

  bool step() override { return owner.step_member(*this); }
  static void log_failure(const std::exception_ptr& failure) noexcept;

  runtime& owner;
  const shard_id id;
  shard_activity activity;  // outlives the shard: the watch reads it
  std::thread thread;
  std::unique_ptr<shard> running;
  poller* io = nullptr;  // for wake(), while the shard lives
  // Owner shard only.
  scope work{log_failure};
  std::vector<service*> services;     // that have started here, in order
  std::vector<service*> leaving;      // those that stop, early or with all
  sleep_until* stop_delay = nullptr;  // while stop() still serves
  bool stopping = false;
  bool hurried = false;
  bool locals_stopped = false;
  bool locals_hurried = false;
  bool counted_quiet = false;
};

}  // namespace shoal
