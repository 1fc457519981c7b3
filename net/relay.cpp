// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/relay.hpp>

#include <shoal/net/writer.hpp>

#include <utility>

namespace shoal {
namespace {

struct ended_watcher final : relay_watcher {
  explicit ended_watcher(std::function<void(const relay_summary&)> what) : call(std::move(what)) {}
  void on_ended(const relay_summary& summary) override {
    if (call) call(summary);
  }
  std::function<void(const relay_summary&)> call;
};

}  // namespace

relay::relay(connection& first, connection& second, std::unique_ptr<relay_watcher> watcher)
    : sides_{{{&first}, {&second}}}, watcher_(std::move(watcher)) {}

void relay::link(connection& first, connection& second, std::function<void(const relay_summary&)> ended) {
  link(first, second, std::make_unique<ended_watcher>(std::move(ended)));
}

void relay::link(connection& first, connection& second, std::unique_ptr<relay_watcher> watcher) {
  SHOAL_ASSERT(&first.owner() == &second.owner());
  SHOAL_ASSERT(first.relay_ == nullptr && second.relay_ == nullptr);
  // Owned by the pair: the last forget() deletes it.
  relay* const made = std::make_unique<relay>(first, second, std::move(watcher)).release();
  first.relay_ = second.relay_ = made;
  for (connection* c : {&first, &second}) {
    if (c->move_wanted_) made->want_move(c->rare_->move_to);  // what one was asked for before, both do now
  }
  for (connection* c : {&first, &second}) {
    c->arm_timer();
    c->owner().schedule_delivery(*c);
  }
}

/// Something happened to `from`: bytes, EOF, or its end.
void relay::deliver(connection& from) {
  connection* to = other_of(from);
  if (from.moving_ || (to != nullptr && to->moving_)) return;  // they come back to it, here or there
  if (!from.is_active()) {
    note_break(from);
    // The partner goes the same way: what it is owed is sent, unless this side was cut off.
    if (to != nullptr && to->is_active()) {
      to->close(from.how_, from.reason());
    }
    return;
  }
  if (to == nullptr || !to->is_active()) {
    if (to != nullptr) note_break(*to);
    const bool cut = to != nullptr && to->was_cut();
    from.close(cut ? close_how::reset : close_how::drain, to != nullptr ? to->reason() : make_error_code(errc::closed));
    return;
  }
  move_bytes(from, *to);
  side& mine = sides_[is_first(from) ? 0 : 1];
  if (from.eof_ && !mine.fin_passed) {
    mine.fin_passed = true;
    note_end(from);
    to->close_write();
  }
  close_when_done();
}

void relay::move_bytes(connection& from, connection& to) {
  if (!from.input_.empty()) {
    if (summary_.second_spoke_at == instant::min() && !is_first(from)) {
      summary_.second_spoke_at = from.owner().now();
      watcher_->on_second_spoke();
    }
    if (auto moved = to.output_.append(from.input_.take_all()); !moved) return to.fail_with(moved.error());
    to.flush();
  }
  // Also for what is still queued: the mark counts the output as it is now.
  const bool full = to.unsent() >= to.profile().options.output.high;
  if (full || to.unsent() <= to.profile().options.output.low) from.paused_by_relay_ = full;
  // Also where nothing has changed: one that arrived from another shard with much to hand on does not read yet.
  from.update_receiving();
}

/// The kernel took bytes of `to`'s output; inside poll().
void relay::output_left(connection& to, std::size_t left) {
  connection* from = other_of(to);
  if (from == nullptr || !from->paused_by_relay_ || left > to.profile().options.output.low) return;
  from->paused_by_relay_ = false;
  from->update_receiving();
}

void relay::close_when_done() {
  connection* first = sides_[0].peer;
  connection* second = sides_[1].peer;
  if (first == nullptr || second == nullptr || !first->eof_ || !second->eof_) return;
  if (!first->output_is_empty() || !second->output_is_empty() || !first->input_.empty() || !second->input_.empty())
    return;
  first->close(close_how::drain, make_error_code(errc::eof));
  second->close(close_how::drain, make_error_code(errc::eof));
}

void relay::note_end(const connection& c) noexcept {
  if (end_noted_) return;
  end_noted_ = true;
  summary_.first_ended_first = is_first(c);
}

/// One side is no longer active. Who finished before, in order, has nothing to do with it.
void relay::note_break(const connection& c) noexcept {
  if (std::exchange(broken_, true)) return;
  if (c.reason() != errc::eof) end_noted_ = false;
  note_end(c);
}

void relay::forget(connection& gone) {
  note_break(gone);
  const std::size_t index = is_first(gone) ? 0 : 1;
  (index == 0 ? summary_.from_first : summary_.from_second) = gone.bytes_received();
  (index == 0 ? summary_.first_reason : summary_.second_reason) = gone.reason();
  sides_[index].peer = nullptr;
  connection* other = sides_[1 - index].peer;
  if (other != nullptr) {
    abandon_move();
    if (other->is_active()) other->close(gone.how_, gone.reason());
    return;
  }
  const std::unique_ptr<relay> last{this};
  watcher_->on_ended(summary_);
}

instant relay::last_activity() const noexcept {
  instant last = instant::min();
  for (const side& s : sides_) {
    if (s.peer != nullptr) last = std::max(last, s.peer->last_activity());
  }
  return last;
}

}  // namespace shoal
