// SPDX-License-Identifier: Apache-2.0
#include "echo/stats.hpp"

#include <cstdio>

namespace echo {
namespace {

constexpr shoal::duration interval = std::chrono::seconds{1};

}  // namespace

stats::tick::tick(stats& s) noexcept
    : timer([](timer& t) noexcept { static_cast<tick&>(t).owner.print(); }), owner(s) {}

stats::stats(shoal::runtime& owner, const shoal::server& watched) : runtime_(owner), server_(watched) {
  runtime_.add(*this);
}

stats::~stats() { runtime_.remove(*this); }

std::expected<void, shoal::start_failure> stats::prepare(shoal::runtime& owner) {
  before_.assign(owner.shards(), {});
  return {};
}

void stats::start(shoal::shard& here) {
  if (here.id() != 0) return;
  last_ = here.now();
  here.timers().arm(tick_, last_ + interval);
}

shoal::task<> stats::stop(shoal::shard& here, shoal::instant) {
  if (here.id() == 0) here.timers().cancel(tick_);
  co_return;
}

/// Since the start.
stats::totals stats::look_at(shoal::shard_id s) const {
  const shoal::load_snapshot seen = runtime_.load_of(s).at(last_);
  return {.busy_time = seen.busy_time, .moves = seen.moves};
}

void stats::print() {
  shoal::shard& here = shoal::shard::current();
  const double length = std::chrono::duration<double>(here.now() - last_).count();
  last_ = here.now();
  const auto percent = [length](shoal::duration busy) {
    return 100 * std::chrono::duration<double>(busy).count() / length;
  };
  totals all;
  std::printf("shard  connections   busy  moves\n");
  for (std::size_t i = 0; i < before_.size(); ++i) {
    const auto s = static_cast<shoal::shard_id>(i);
    const totals now = look_at(s);
    const totals lately{.busy_time = now.busy_time - before_[i].busy_time, .moves = now.moves - before_[i].moves};
    before_[i] = now;
    all.busy_time += lately.busy_time;
    all.moves += lately.moves;
    std::printf("%5zu  %11llu  %4.0f%%  %5llu\n", i, static_cast<unsigned long long>(server_.connections_on(s)),
                percent(lately.busy_time), static_cast<unsigned long long>(lately.moves));
  }
  std::printf("  all  %11llu  %4.0f%%  %5llu\n\n", static_cast<unsigned long long>(server_.connections()),
              percent(all.busy_time) / static_cast<double>(before_.size()), static_cast<unsigned long long>(all.moves));
  std::fflush(stdout);
  here.timers().arm(tick_, last_ + interval);
}

}  // namespace echo
