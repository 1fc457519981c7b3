// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/offload.hpp>

#include <shoal/core/runtime.hpp>

namespace shoal::detail {

void offload_gate::enter(blocking_call& call, run_item& when_there_is_room) {
  if (running_ == offloads_per_shard) return waiting_.push_back(when_there_is_room);
  ++running_;
  submit(call);
}

void offload_gate::submit(blocking_call& call) {
  if (here_.machine().threaded()) return here_.owner().helpers().submit(call, here_.mail());
  here_.mail().lend(call);
  call.execute();
  here_.mail().give_back(call);
}

void offload_gate::leave() {
  SHOAL_ASSERT(running_ > 0);
  --running_;
  if (waiting_.empty()) return;
  run_item& next = waiting_.front();
  waiting_.pop_front();
  next.run(next);
}

}  // namespace shoal::detail
