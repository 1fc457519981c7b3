// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/lease.hpp>

#include <shoal/core/lease_pool.hpp>
#include <shoal/core/sleep.hpp>

#include <algorithm>

namespace shoal::detail {

bool lease_message::send(shard_id to, gate& under_way) {
  SHOAL_ASSERT(!busy);
  busy = true;
  flight = std::move(*under_way.enter());
  mailbox& mail = shard::current().mail();
  // Urgent, since calls that fill the lane may wait for just these tokens.
  if (mail.try_send_urgent(to, *this)) return true;
  mail.wait_for_urgent_room(to, *this);
  return false;
}

lease_share::lease_share() noexcept = default;
lease_share::~lease_share() = default;

lease::up_message::up_message(lease& from) noexcept
    : lease_message(
          [](message& m) {
            auto& self = static_cast<up_message&>(m);
            // Home may have stopped before us.
            if (self.share.pool != nullptr) self.share.pool->receive(self.sender, self);
            shard::current().mail().reply(self);
          },
          [](message& m) { static_cast<up_message&>(m).owner.came_back(); },
          [](run_item& item) {
            auto& self = static_cast<up_message&>(item);
            self.landed();
            self.owner.report();
          }),
      owner(from),
      share(from.share_) {}

lease::lease(lease_share* share) : share_(*share), up_(*this), patience_(*this) {
  shard& here = shard::current();
  if (here.id() == share_.home) share_.pool = std::make_unique<lease_pool>(share_, here.mail().shards());
}

lease::~lease() { SHOAL_ASSERT(!up_.busy && waiting_ == 0); }

bool lease::try_take_last() noexcept {
  if (closed_) return false;
  if (free_ == 0) {
    tried_ = true;
    report();  // at home the answer is there at once
    if (free_ == 0) return false;
  }
  --free_;
  report();  // of a rate: the last one is used, there is room for new ones
  return true;
}

/// Others want the token, or it was taken on another shard: there, home counts one too many, and here one too few, so
/// it is home's.
void lease::give_back_to_others() noexcept {
  if (closed_) return;
  if (waiting_ != 0 && (!news_.wanted || in_use() <= news_.keep)) {
    grant_first();
    look_around();
  } else if (waiting_ == 0 && !news_.wanted && in_use() > 0) {
    ++free_;
  } else {
    ++returning_;
    look_around();
    report();
  }
}

void lease::grant_first() noexcept {
  --waiting_;
  ++resuming_;
  line_.wake_front(wait_phase::granted);
}

void lease::left_line() noexcept {
  --waiting_;
  look_around();
  report();
}

void lease::surrender(std::uint32_t epoch) noexcept {
  returning_ += std::exchange(free_, 0);
  learn({.epoch = epoch, .wanted = true, .keep = 0});
  report();
}

void lease::lose_patience() noexcept {
  if (!news_.wanted) return;
  returning_ += std::exchange(free_, 0);
  look_around();
  report();
}

void lease::receive(lease_message& down) noexcept {
  if (down.granted != 0) {
    held_ += down.granted;
    free_ += down.granted;
    asked_ -= std::min(asked_, down.granted);
    tried_ = false;
    shard::current().timers().cancel(patience_);
    while (free_ != 0 && waiting_ != 0) {
      --free_;
      grant_first();
    }
  }
  down.returned = down.recall ? std::exchange(free_, 0) : 0;
  down.used = share_.is_rate() && down.recall ? in_use() - down.returned : 0;
  held_ -= down.returned + down.used;
  learn(down.news);
}

void lease::learn(const lease_news& news) noexcept {
  if (news.epoch >= news_.epoch) news_ = news;
  look_around();
}

void lease::look_around() noexcept {
  const bool watched = closed_ || news_.wanted || waiting_ != 0;
  room_ = watched ? 0 : held_ - returning_;
  if (closed_ || !news_.wanted || free_ == 0 || patience_.armed()) return;
  shard::current().timers().arm(patience_, deadline_in(lease_patience));
}

std::int64_t lease::more_wanted() const noexcept { return std::max<std::int64_t>(waiting_, tried_ ? 1 : 0) - asked_; }

bool lease::has_to_report() const noexcept {
  if (closed_) return false;
  return returning_ != 0 || more_wanted() != 0 || (share_.is_rate() && free_ == 0 && in_use() != 0);
}

void lease::report() noexcept {
  const shard_id here = shard::current().id();
  while (!up_.busy && has_to_report()) {
    const std::int64_t returned = up_.returned = returning_;
    const std::int64_t used = up_.used = share_.is_rate() ? in_use() : 0;
    const std::int64_t more = up_.more = more_wanted();
    if (here != share_.home && !up_.send(share_.home, under_way_)) return;
    held_ -= returned + used;
    returning_ -= returned;
    asked_ += more;
    look_around();
    if (here != share_.home) return;
    up_.busy = true;
    share_.pool->receive(here, up_);
    up_.busy = false;
    learn(up_.news);
  }
}

void lease::came_back() noexcept {
  up_.landed();
  learn(up_.news);
  report();
}

task<> lease::stop() {
  closed_ = true;
  waiting_ = 0;
  line_.wake_all(wait_phase::closed);
  shard::current().timers().cancel(patience_);
  look_around();
  co_await under_way_.close();
  while (resuming_ != 0) co_await yield();
  if (shard::current().id() != share_.home) co_return;
  co_await share_.pool->close();
  share_.pool.reset();
}

// ---- waiting ----

lease_waiter::~lease_waiter() {
  const wait_phase before = leave();
  if (before == wait_phase::waiting) from_.left_line();
  if (before != wait_phase::granted) return;
  --from_.resuming_;
  from_.give_back();
}

bool lease_waiter::await_ready() noexcept {
  if (stop_requested()) return decide(wait_phase::cancelled);
  if (from_.closed_) return decide(wait_phase::closed);
  // Not if there is none: that would ask for one more than those who wait.
  if (from_.free_ != 0 && from_.try_take()) return decide(wait_phase::ready);
  refused_ = from_.waiting_ >= static_cast<std::int64_t>(from_.share_.max_waiting);
  return refused_ && decide(wait_phase::ready);
}

void lease_waiter::await_suspend(std::coroutine_handle<> handle) noexcept {
  ++from_.waiting_;
  wait(handle);
  from_.look_around();
  from_.report();
}

result<void> lease_waiter::end() noexcept {
  if (is_granted()) --from_.resuming_;
  const auto ended = finish();
  if (refused_) return fail(errc::would_block);
  if (!ended && ended.error() == errc::closed) return fail(errc::stopped);
  return ended;
}

}  // namespace shoal::detail
