// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/timeline.hpp>

#include <shoal/buffers/check.hpp>

#include <algorithm>
#include <tuple>

namespace shoal::sim {

bool timeline::later(const event& a, const event& b) noexcept {
  return std::tie(a.when, a.tie, a.number) > std::tie(b.when, b.tie, b.number);
}

void timeline::at(instant when, action what) {
  events_.push_back({std::max(when, now_), dice_.bits(), added_++, std::move(what)});
  std::ranges::push_heap(events_, later);
}

void timeline::run_next() {
  SHOAL_CHECK(!events_.empty(), "nothing will happen any more");
  std::ranges::pop_heap(events_, later);
  const event next = std::move(events_.back());
  events_.pop_back();
  now_ = next.when;
  next.what();
}

void timeline::move_to(instant when) noexcept {
  SHOAL_ASSERT(when <= next());
  now_ = std::max(now_, when);
}

}  // namespace shoal::sim
