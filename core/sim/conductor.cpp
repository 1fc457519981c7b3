// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/conductor.hpp>

#include <shoal/buffers/check.hpp>

#include <algorithm>
#include <utility>

namespace shoal::sim {

std::shared_ptr<seat> conductor::add_seat(std::uint32_t host) {
  auto made = std::make_shared<seat>();
  made->host = host;
  made->number = seats_++;
  return made;
}

void conductor::adopt(const std::shared_ptr<seat>& who, stepped_loop& loop) {
  SHOAL_ASSERT(who->loop == nullptr);
  who->loop = &loop;
  ++loops_;
  plan(who, world_.time.now() + world_.shards.in(world_.profile.turn));
}

/// The earliest plan counts.
void conductor::plan(const std::shared_ptr<seat>& who, instant when) {
  if (when >= who->planned) return;
  who->planned = when;
  world_.time.at(when, [this, who, number = ++who->plan] {
    if (who->plan == number && who->loop != nullptr) step(who);
  });
}

void conductor::step(const std::shared_ptr<seat>& who) {
  who->planned = never;
  who->roused = false;
  world_.note(who->host, trace_event::turn, who->number);
  if (!who->loop->step()) {
    who->loop = nullptr;
    --loops_;
    return;
  }
  if (who->sleeping) return plan_waking(who);
  duration cost = std::max(world_.shards.in(world_.profile.turn), duration{1}) + std::exchange(who->work, {});
  if (world_.shards.happens(world_.profile.stall)) {
    ++world_.faults.stalls;
    cost += world_.shards.in(world_.profile.stall_for);
  }
  plan(who, world_.time.now() + cost);
}

/// It went to sleep: until its deadline, or (for no reason) earlier.
void conductor::plan_waking(const std::shared_ptr<seat>& who) {
  const instant now = world_.time.now();
  world_.note(who->host, trace_event::sleep, who->number,
              static_cast<std::uint64_t>(who->until.time_since_epoch().count()));
  if (world_.shards.happens(world_.profile.early_wake)) {
    ++world_.faults.early_wakes;
    const duration longest = std::min<duration>(who->until - now, std::chrono::milliseconds{1});
    plan(who, now + world_.shards.in({duration::zero(), longest}));
  } else if (who->until != never) {
    plan(who, std::max(who->until, now) + world_.shards.in(world_.profile.wake));
  }
}

void conductor::rouse(const std::shared_ptr<seat>& who) {
  if (!who->sleeping || who->roused || who->loop == nullptr) return;
  who->roused = true;
  duration delay = world_.shards.in(world_.profile.wake);
  if (world_.shards.happens(world_.profile.late_wake)) {
    ++world_.faults.late_wakes;
    delay += world_.shards.in(world_.profile.late_wake_by);
  }
  const instant when = world_.time.now() + delay;
  world_.note(who->host, trace_event::wake, who->number, static_cast<std::uint64_t>(when.time_since_epoch().count()));
  plan(who, when);
}

void conductor::block(instant until, const std::function<bool()>& ready) {
  if (run_until(ready, until)) return;
  SHOAL_CHECK(until != never, "a simulated poller sleeps, and nothing will ever wake it");
}

bool conductor::run_until(const std::function<bool()>& condition, instant limit) {
  while (!condition()) {
    if (world_.time.next() > limit || world_.time.empty()) {
      if (limit != never) world_.time.move_to(limit);
      return false;
    }
    world_.time.run_next();
  }
  return true;
}

}  // namespace shoal::sim
