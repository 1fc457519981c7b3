// SPDX-License-Identifier: Apache-2.0
// Runs the shards of all simulated runtimes on one thread: whose turn it is, how long it takes, and when a sleeper
// wakes.
//
//   turn at T --costs--> next turn at T + cost            (awake)
//             --sleeps-> next turn when its deadline, an event or a wake-up comes, and a while later
//
// Thread rule: the world's thread.
// Invariants:
//  1. Shards run in parallel as far as virtual time goes: what one does at T the others may see from T on.
//  2. What a turn works for comes after it: what it sends leaves with the next turn, when the work is done.
//  3. A sleeper is never woken before what wakes it, but may be for nothing.
#pragma once

#include <shoal/core/host/host.hpp>
#include <shoal/core/sim/environment.hpp>

#include <functional>
#include <memory>

namespace shoal::sim {

/// The state of one shard between its turns; its poller and the conductor share it.
struct seat {
  std::uint32_t host = 0;
  std::uint32_t number = 0;
  stepped_loop* loop = nullptr;  ///< nullptr: whoever owns the poller calls it by himself
  bool sleeping = false;         ///< inside a poll that blocks
  instant until;                 ///< while sleeping
  duration work{0};              ///< that this turn takes on top; only of who is stepped
  bool woken = false;            ///< by wake(); ends this sleep, or the next
  bool roused = false;           ///< its waking is planned
  instant planned = never;       ///< the next turn
  std::uint64_t plan = 0;        ///< newest plan; older ones are void
};

class conductor {
 public:
  explicit conductor(environment& in) noexcept : world_(in) {}
  conductor(const conductor&) = delete;
  conductor& operator=(const conductor&) = delete;

  [[nodiscard]] std::shared_ptr<seat> add_seat(std::uint32_t host);
  /// From now on its turns are taken here.
  void adopt(const std::shared_ptr<seat>& who, stepped_loop& loop);

  /// Of a sleeper: what he waits for has come.
  void rouse(const std::shared_ptr<seat>& who);
  /// A poller that nobody steps blocks: runs everything else until `ready` or `until`.
  void block(instant until, const std::function<bool()>& ready);

  /// Runs events until the condition holds (looked at between them); false if it does not by `limit`, or nothing
  /// happens any more.
  bool run_until(const std::function<bool()>& condition, instant limit);

  /// Loops that have not ended.
  [[nodiscard]] std::size_t loops() const noexcept { return loops_; }

 private:
  void plan(const std::shared_ptr<seat>& who, instant when);
  void step(const std::shared_ptr<seat>& who);
  void plan_waking(const std::shared_ptr<seat>& who);

  environment& world_;
  std::uint32_t seats_ = 0;
  std::size_t loops_ = 0;
};

}  // namespace shoal::sim
