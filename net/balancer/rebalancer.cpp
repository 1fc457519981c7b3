// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/balancer/rebalancer.hpp>

#include <shoal/core/log_format.hpp>
#include <shoal/core/runtime.hpp>
#include <shoal/net/connection_table.hpp>

#include <algorithm>

namespace shoal {
namespace {

/// A shard with nothing to give looks now and then whether that has changed.
constexpr duration idle_interval = std::chrono::milliseconds{500};
constexpr duration report_interval = std::chrono::seconds{1};

double milliseconds(duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

}  // namespace

rebalancer::look_timer::look_timer(rebalancer& r) noexcept
    : timer([](timer& t) noexcept { static_cast<look_timer&>(t).owner.look(); }), owner(r) {}

rebalancer::rebalancer(shard& here) : shard_(here), gate_(report_interval) {}

rebalancer::~rebalancer() { SHOAL_ASSERT(users_ == 0 && !timer_.armed()); }

void rebalancer::join() {
  if (users_++ != 0) return;
  views_.resize(shard_.owner().shards());
  if (views_.size() > 1) shard_.timers().arm(timer_, shard_.now() + idle_interval);
}

void rebalancer::leave() {
  SHOAL_ASSERT(users_ != 0);
  if (--users_ != 0) return;
  shard_.timers().cancel(timer_);
  end_sampling();
}

void rebalancer::look_at_loads() {
  const runtime& all = shard_.owner();
  for (std::size_t s = 0; s < views_.size(); ++s) {
    const load_snapshot seen = all.load_of(static_cast<shard_id>(s)).at(shard_.now());
    views_[s] = {
        .busy = seen.smoothed, .queue_delay = seen.queue_delay, .near = all.plan().shares_cache(shard_.id(), s)};
  }
}

void rebalancer::look() {
  const bool settles = shard_.now() < settled_;
  look_at_loads();
  const auto portions = settles ? std::vector<rebalance_portion>{} : advise(views_, shard_.id(), options_);
  if (portions.empty()) {
    reasons_ = 0;
    end_sampling();
  } else if (++reasons_ < options_.looks) {
    begin_sampling();
  } else {
    act(portions);
    reasons_ = 0;
    end_sampling();
    settled_ = shard_.now() + options_.settle;
  }
  const bool busy = pressure_of(views_[shard_.id()]) >= options_.least_pressure / 2;
  shard_.timers().arm(timer_, shard_.now() + (busy ? options_.interval : idle_interval));
}

void rebalancer::begin_sampling() {
  if (shard_.samples_work()) return;
  shard_.sample_work(true);
  shard_.local<connection_table>().for_each([](connection& c) { c.work_ = 0; });
}

void rebalancer::end_sampling() noexcept { shard_.sample_work(false); }

rebalancer::selection rebalancer::eligible_connections() {
  selection found;
  shard_.local<connection_table>().for_each([&](connection& c) {
    ++found.connections;
    found.total += c.work_;
    if (c.observer_ == nullptr || c.observer_->rebalances() == rebalance_mode::off) return;
    if (!c.decides_on_moves() || c.moving_ || c.move_wanted_ || !passes_by_itself(c.pinned_by())) return;
    if (c.rare_ != nullptr && c.rare_->moved_at != never && shard_.now() - c.rare_->moved_at < options_.stay) return;
    found.candidates.push_back({.index = found.eligible.size(), .cost = static_cast<double>(c.work_that_moves())});
    found.eligible.push_back(&c);
  });
  return found;
}

void rebalancer::act(const std::vector<rebalance_portion>& portions) {
  const selection found = eligible_connections();
  std::vector<rebalance_candidate> left = found.candidates;
  std::size_t room = options_.most_moves;
  for (const rebalance_portion& portion : portions) {
    const std::size_t moves = choose_movers(left, portion.share * found.total, room);
    if (moves == 0) continue;
    const std::size_t in_earnest = send(std::span{left}.first(moves), found, portion.to);
    report(moves, in_earnest, found, portion.to);
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(moves));
    room -= moves;
    ++counters_.decisions;
  }
}

std::size_t rebalancer::send(std::span<const rebalance_candidate> movers, const selection& from, shard_id to) {
  std::size_t in_earnest = 0;
  for (const rebalance_candidate& one : movers) {
    connection& c = *from.eligible[one.index];
    if (c.observer_->rebalances() == rebalance_mode::dry_run) {
      ++counters_.reported;
    } else if (!c.move_to(to)) {
      ++counters_.wanted;
      ++in_earnest;
    }
  }
  return in_earnest;
}

void rebalancer::report(std::size_t moves, std::size_t in_earnest, const selection& of, shard_id to) {
  if (!gate_.pass(shard_.now())) return;
  const shard_view& here = views_[shard_.id()];
  const shard_view& there = views_[to];
  log_info(shard_.log(),
           "rebalance: {} of {} connections {} from shard {} ({:.0f} % busy, {:.1f} ms queued) to shard {} ({:.0f} % "
           "busy, {:.1f} ms queued)",
           moves, of.connections, in_earnest != 0 ? "move" : "would move", shard_.id(), 100 * here.busy,
           milliseconds(here.queue_delay), to, 100 * there.busy, milliseconds(there.queue_delay));
}

}  // namespace shoal
