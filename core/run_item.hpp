// SPDX-License-Identifier: Apache-2.0
// run_item: something to run once on a shard; the unit of the run queue and of every continuation.
//
// Thread rule: owner shard only.
// Invariants: linked in at most one queue; whoever embeds it keeps it alive until it has run.
#pragma once

#include <boost/intrusive/slist.hpp>

#include <coroutine>

namespace shoal {

struct run_item : boost::intrusive::slist_base_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>> {
  using function = void (*)(run_item&);

  explicit run_item(function what) noexcept : run(what) {}
  run_item(const run_item&) = delete;
  run_item& operator=(const run_item&) = delete;

  function run;

 protected:
  ~run_item() = default;
};

/// First in, first out; no allocation.
using run_queue =
    boost::intrusive::slist<run_item, boost::intrusive::cache_last<true>, boost::intrusive::constant_time_size<true>>;

/// A run_item that resumes one coroutine; awaiters embed it in the waiting frame.
struct resume_item : run_item {
  resume_item() noexcept : run_item([](run_item& item) { static_cast<resume_item&>(item).waiting.resume(); }) {}
  std::coroutine_handle<> waiting;
};

}  // namespace shoal
