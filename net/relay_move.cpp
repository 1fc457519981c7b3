// SPDX-License-Identifier: Apache-2.0
// How a pair moves: both ends ask their homes, both retire, and one parcel takes both.
#include <shoal/net/connection_mover.hpp>
#include <shoal/net/relay.hpp>

#include <utility>

namespace shoal {

move_obstacle relay::pinned_by() const noexcept {
  if (!watcher_->can_move()) return move_obstacle::pair;
  for (const side& s : sides_) {
    if (s.peer == nullptr) return move_obstacle::not_open;
    if (const auto own = s.peer->pinned_alone(); own != move_obstacle::none) return own;
  }
  return move_obstacle::none;
}

void relay::want_move(shard_id to) {
  for (const side& s : sides_) {
    s.peer->rarely().move_to = to;
    s.peer->move_wanted_ = to != s.peer->shard_.id();
  }
}

/// Nothing of theirs is on the stack. One home is asked after the other: one of the two may have asked alone, before
/// they were linked, and the move may be over inside, when both are at home.
void relay::begin_move() {
  if (!sides_[0].held && !sides_[1].held) connection_mover::begin(*sides_[0].peer);
}

void relay::granted(connection& c) {
  sides_[is_first(c) ? 0 : 1].held = true;
  connection* const other = other_of(c);
  if (other != nullptr && !sides_[is_first(c) ? 1 : 0].held) {
    if (!other->rarely().move_asked) connection_mover::begin(*other);
    return;
  }
  if (other == nullptr || !leave()) abandon_move();
}

bool relay::leave() {
  const bool still_wanted = sides_[0].peer->move_wanted_ && sides_[1].peer->move_wanted_;
  if (!still_wanted || pinned_by() != move_obstacle::none) return false;
  connection& first = *sides_[0].peer;
  connection& second = *sides_[1].peer;
  for (const side& s : sides_) s.peer->move_wanted_ = false;
  if (!first.agrees_to_leave()) return false;
  if (!second.agrees_to_leave()) {
    if (first.phase_ == connection::phase::open) first.greet();
    return false;
  }
  if (!first.is_active() || !second.is_active()) return false;  // a hook closed it
  watcher_->on_leave();
  for (const side& s : sides_) s.peer->start_leaving();
  return true;
}

void relay::abandon_move() {
  for (side& s : sides_) {
    if (!std::exchange(s.held, false) || s.peer == nullptr || s.peer->moving_) continue;
    connection_mover::stay(*s.peer);
  }
}

/// Packed: the objects on this shard are not the pair any more.
void relay::let_go() {
  for (side& s : sides_) std::exchange(s.peer, nullptr)->relay_ = nullptr;
}

void relay::arrive(shard& here, connection& first, connection& second) {
  sides_[0].peer = &first;
  sides_[1].peer = &second;
  for (side& s : sides_) {
    s.peer->relay_ = this;
    s.held = false;
  }
  watcher_->on_arrive(here);
}

}  // namespace shoal
