// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/lease_pool.hpp>

#include <algorithm>

namespace shoal::detail {
lease_pool::down_message::down_message(lease_pool& from, borrower& whose) noexcept
    : lease_message(
          [](message& m) {
            auto& self = static_cast<down_message&>(m);
            self.returned = self.used = 0;
            lease* here = self.share.leases->local_or_null();
            if (here != nullptr) here->receive(self);  // it may have stopped before home
            shard::current().mail().reply(self);
            if (here != nullptr) here->report();
          },
          [](message& m) {
            auto& self = static_cast<down_message&>(m);
            self.owner.came_back(self.to);
          },
          [](run_item& item) {
            auto& self = static_cast<down_message&>(item);
            self.landed();
            self.owner.tell(self.to);
          }),
      owner(from),
      share(from.share_),
      to(whose) {}

lease_pool::lease_pool(lease_share& share, std::size_t shards) : share_(share), limit_(share.limit), refill_(*this) {
  if (share.is_rate()) {
    bucket_.emplace(share.limit, share.burst, shard::current().now());
  } else {
    free_ = limit_;
  }
  for (std::size_t i = 0; i < shards; ++i) borrowers_.emplace_back(*this, static_cast<shard_id>(i));
  to_tell_.reserve(shards);
}

std::int64_t lease_pool::available() noexcept { return bucket_ ? bucket_->whole() : free_; }

void lease_pool::take(std::int64_t count) noexcept {
  if (bucket_) {
    bucket_->take(count);
  } else {
    free_ -= count;
  }
}

void lease_pool::add(borrower& from, std::int64_t unused, std::int64_t used) noexcept {
  from.held -= unused + used;
  if (bucket_) return bucket_->give_back(unused, used);
  const std::int64_t paid = std::min(debt_, unused);
  debt_ -= paid;
  free_ += unused - paid;
}

void lease_pool::receive(shard_id from, lease_message& up) {
  borrower& b = borrowers_[from];
  if (bucket_) bucket_->refill(shard::current().now());
  add(b, up.returned, up.used);
  b.wanted = std::max<std::int64_t>(b.wanted + up.more, 0);
  if (b.wanted != 0 && !b.is_linked()) {
    line_.push_back(b);
    somebody_new_ = true;
  }
  serve();
  up.news = b.told = news(b);
  if (!up.news.wanted) b.called_in = false;
}

/// A grant to home's own lease is a plain call, and may come back here before it returns.
void lease_pool::serve() noexcept {
  if (closed_) return;
  once_more_ = true;
  if (serving_) return;
  serving_ = true;
  while (once_more_) {
    once_more_ = false;
    hand_out();
    tell_all();
  }
  serving_ = false;
  if (line_.empty() || !bucket_) return;
  shard::current().timers().arm(refill_, bucket_->next());
}

void lease_pool::hand_out() noexcept {
  if (bucket_) bucket_->refill(shard::current().now());
  while (available() > 0 && !line_.empty()) {
    borrower& first = line_.front();
    line_.pop_front();
    if (first.wanted != 0) grant_to(first);
  }
  while (!line_.empty() && line_.front().wanted == 0) line_.pop_front();
  if (!line_.empty() && somebody_new_) call_in();
  somebody_new_ = false;
}

/// Its part of what there is. Who is alone gets some in advance, fewer the fewer there are left.
void lease_pool::grant_to(borrower& first) noexcept {
  const auto in_line = static_cast<std::int64_t>(line_.size()) + 1;
  std::int64_t granted = std::min(first.wanted, std::max<std::int64_t>(available() / in_line, 1));
  first.wanted -= granted;
  if (first.wanted != 0) {
    line_.push_back(first);
  } else if (in_line == 1) {
    granted += (available() - granted) / static_cast<std::int64_t>(2 * borrowers_.size());
  }
  take(granted);
  first.held += granted;
  first.to_grant += granted;
  first.called_in = false;
  note_news(first);
}

/// Somebody wants what is not here: the others send what they have free, once, and learn what they may keep.
void lease_pool::call_in() noexcept {
  share_out();
  for (borrower& b : borrowers_) {
    if (b.held <= 0) continue;
    if (!b.is_linked() && !b.called_in) {
      b.called_in = b.recall = true;
      note_news(b);
    } else if (!b.told.wanted || b.told.keep > news(b).keep) {
      note_news(b);
    }
  }
}

/// What is left over by the division goes to the first ones; but not when that is all there is, or the others would
/// never get one.
void lease_pool::share_out() noexcept {
  if (bucket_) return;
  const auto uses = [](const borrower& b) { return b.held > 0 || b.wanted != 0; };
  const auto users = std::max<std::int64_t>(std::ranges::count_if(borrowers_, uses), 1);
  const std::int64_t part = limit_ / users;
  std::int64_t left_over = part == 0 ? 0 : limit_ % users;
  for (borrower& b : borrowers_) {
    b.keep = part;
    if (left_over == 0 || !uses(b)) continue;
    ++b.keep;
    --left_over;
  }
}

lease_news lease_pool::news(const borrower& whom) const noexcept {
  return {.epoch = epoch_, .wanted = debt_ > 0 || !line_.empty(), .keep = debt_ > 0 ? 0 : whom.keep};
}

void lease_pool::note_news(borrower& b) noexcept {
  if (std::exchange(b.has_news, true)) return;
  to_tell_.push_back(&b);
}

void lease_pool::tell_all() noexcept {
  // Home's own lease may add some meanwhile.
  while (!to_tell_.empty()) {
    borrower& next = *to_tell_.back();
    to_tell_.pop_back();
    tell(next);
  }
}

void lease_pool::tell(borrower& whom) noexcept {
  const bool at_home = whom.id == share_.home;
  down_message& down = whom.down;
  while (whom.has_news && !down.busy && !closed_) {
    down.granted = whom.to_grant;
    down.recall = whom.recall;
    down.news = news(whom);
    if (!at_home && !down.send(whom.id, under_way_)) return;
    whom.to_grant = 0;
    whom.recall = whom.has_news = false;
    whom.told = down.news;
    if (!at_home) return;
    lease& mine = share_.leases->local();
    down.busy = true;
    mine.receive(down);
    down.busy = false;
    add(whom, down.returned, down.used);
    if (down.returned != 0) once_more_ = true;
    mine.report();
  }
}

void lease_pool::came_back(borrower& from) noexcept {
  from.down.landed();
  if (bucket_) bucket_->refill(shard::current().now());
  add(from, from.down.returned, from.down.used);
  tell(from);
  serve();
}

std::uint32_t lease_pool::set_limit(std::int64_t limit) {
  std::int64_t change = limit - std::exchange(limit_, limit);
  ++epoch_;
  // Granted and not sent yet: from now on too many, or just as well granted again.
  for (borrower& b : borrowers_) {
    b.wanted += b.to_grant;
    if (b.to_grant != 0 && !b.is_linked()) line_.push_back(b);
    add(b, std::exchange(b.to_grant, 0), 0);
  }
  if (change >= 0) {
    const std::int64_t paid = std::min(debt_, change);
    debt_ -= paid;
    free_ += change - paid;
  } else {
    const std::int64_t here = std::min(free_, -change);
    free_ -= here;
    debt_ += -change - here;
  }
  somebody_new_ = true;
  serve();
  return epoch_;
}

void lease_pool::set_rate(std::int64_t per_second, std::int64_t burst) {
  if (bucket_) bucket_->change(per_second, burst, shard::current().now());
  serve();
}

task<> lease_pool::close() {
  closed_ = true;
  shard::current().timers().cancel(refill_);
  line_.clear();
  co_await under_way_.close();
}

}  // namespace shoal::detail
