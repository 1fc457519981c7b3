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

rebalance_advice rebalancer::advice() {
  const runtime& all = shard_.owner();
  for (std::size_t s = 0; s < views_.size(); ++s) {
    const load_snapshot seen = all.load_of(static_cast<shard_id>(s)).at(shard_.now());
    views_[s] = {
        .busy = seen.smoothed, .queue_delay = seen.queue_delay, .near = all.plan().shares_cache(shard_.id(), s)};
  }
  return advise(views_, shard_.id(), options_);
}

void rebalancer::look() {
  const bool settles = shard_.now() < settled_;
  const rebalance_advice what = settles ? rebalance_advice{} : advice();
  if (what.to == no_shard) {
    reasons_ = 0;
    end_sampling();
  } else if (++reasons_ < options_.looks) {
    begin_sampling();
  } else {
    act(what);
    reasons_ = 0;
    end_sampling();
    settled_ = shard_.now() + options_.settle;
  }
  const bool busy = pressure_of(views_[shard_.id()]) >= options_.least_pressure / 2;
  shard_.timers().arm(timer_, shard_.now() + (busy || settles ? options_.interval : idle_interval));
}

void rebalancer::begin_sampling() {
  if (shard_.samples_work()) return;
  shard_.sample_work(true);
  shard_.local<connection_table>().for_each([](connection& c) { c.work_ = 0; });
}

void rebalancer::end_sampling() noexcept { shard_.sample_work(false); }

rebalancer::selection rebalancer::select(double share) {
  std::vector<connection*> eligible;
  std::vector<rebalance_candidate> candidates;
  double total = 0;
  selection chosen;
  shard_.local<connection_table>().for_each([&](connection& c) {
    ++chosen.of;
    total += c.work_;
    if (c.observer_ == nullptr || c.observer_->rebalances() == rebalance_mode::off) return;
    if (!passes_by_itself(c.pinned_by()) || c.move_wanted_) return;
    if (c.rare_ != nullptr && c.rare_->moved_at != never && shard_.now() - c.rare_->moved_at < options_.stay) return;
    candidates.push_back({.index = eligible.size(), .cost = static_cast<double>(c.work_)});
    eligible.push_back(&c);
  });
  const std::size_t count = choose_movers(candidates, total, share, options_.most_moves);
  for (std::size_t i = 0; i < count; ++i) {
    connection* c = eligible[candidates[i].index];
    chosen.movers.push_back(c);
    if (c->observer_->rebalances() == rebalance_mode::automatic) ++chosen.in_earnest;
  }
  return chosen;
}

void rebalancer::act(const rebalance_advice& what) {
  const selection chosen = select(what.share);
  if (chosen.movers.empty()) return;
  ++counters_.decisions;
  report(what, chosen);
  for (connection* c : chosen.movers) {
    if (c->observer_->rebalances() == rebalance_mode::dry_run) {
      ++counters_.reported;
    } else if (!c->move_to(what.to)) {
      ++counters_.wanted;
    }
  }
}

void rebalancer::report(const rebalance_advice& what, const selection& chosen) {
  if (!gate_.pass(shard_.now())) return;
  const shard_view& here = views_[shard_.id()];
  const shard_view& there = views_[what.to];
  log_info(shard_.log(),
           "rebalance: {} of {} connections {} from shard {} ({:.0f} % busy, {:.1f} ms queued) to shard {} ({:.0f} % "
           "busy, {:.1f} ms queued)",
           chosen.movers.size(), chosen.of, chosen.in_earnest != 0 ? "move" : "would move", shard_.id(),
           100 * here.busy, milliseconds(here.queue_delay), what.to, 100 * there.busy, milliseconds(there.queue_delay));
}

}  // namespace shoal
