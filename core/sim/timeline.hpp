// SPDX-License-Identifier: Apache-2.0
// The virtual clock, and what will happen when. Time moves only from one event to the next.
//
// Thread rule: the world's thread.
// Invariants:
//  1. now() never goes back.
//  2. Events of one instant run in an order that the seed decides; each runs once.
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/core/sim/dice.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace shoal::sim {

class timeline {
 public:
  using action = std::function<void()>;

  explicit timeline(std::uint64_t seed) noexcept : dice_(seed) {}
  timeline(const timeline&) = delete;
  timeline& operator=(const timeline&) = delete;

  [[nodiscard]] instant now() const noexcept { return now_; }
  /// A time in the past means now.
  void at(instant when, action what);
  void after(duration delay, action what) { at(now_ + delay, std::move(what)); }

  [[nodiscard]] bool empty() const noexcept { return events_.empty(); }
  /// When the next event runs; `never` when there is none.
  [[nodiscard]] instant next() const noexcept { return events_.empty() ? never : events_.front().when; }
  /// Moves the clock to the next event and runs it. There must be one.
  void run_next();
  /// Moves the clock on, over no event.
  void move_to(instant when) noexcept;

 private:
  struct event {
    instant when;
    std::uint64_t tie;
    std::uint64_t number;
    action what;
  };
  [[nodiscard]] static bool later(const event& a, const event& b) noexcept;

  dice dice_;
  instant now_{std::chrono::hours{1}};  // not 0: a forgotten instant{} is in the past then
  std::uint64_t added_ = 0;
  std::vector<event> events_;  // a heap, the earliest in front
};

}  // namespace shoal::sim
