// SPDX-License-Identifier: Apache-2.0
// A connection's own part of its moves: when it may go, what it takes along, how it settles in.
#include <shoal/net/connection_move.hpp>

#include <shoal/core/runtime.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/connection_mover.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/packed_connection.hpp>
#include <shoal/net/relay.hpp>

#include <utility>

namespace shoal {

move_obstacle connection::pinned_by() const noexcept {
  assert_owner();
  return relay_ == nullptr ? pinned_alone() : relay_->pinned_by();
}

/// What is its own. Those that pass by themselves come last: whoever asks wants to know whether it will ever be.
move_obstacle connection::pinned_alone() const noexcept {
  if (phase_ >= phase::flushing) return moving_ ? move_obstacle::moving : move_obstacle::not_open;
  if (owned_) return move_obstacle::owner;
  if (filter_ != nullptr && !filter_->code->can_move()) return move_obstacle::filter;
  const bool has_successor = observer_ == nullptr ? relay_ != nullptr : observer_->has_successors();
  if (!has_successor) return move_obstacle::observer;
  if (context_ != nullptr && !profile_->hooks.on_arrive) return move_obstacle::context;
  if (rare_ != nullptr) {
    if (rare_->own_hooks || !rare_->close_callbacks.empty()) return move_obstacle::own_hooks;
    if (rare_->stop.stop_possible()) return move_obstacle::stop_token;
    if (rare_->move_asked) return move_obstacle::moving;
    if (!rare_->posts.empty()) return move_obstacle::waiting;
  }
  if (phase_ != phase::open || broken_ || !connect_ran_) return move_obstacle::not_open;
  if (read_waiter_ != nullptr || write_waiter_ != nullptr) return move_obstacle::waiting;
  if (in_handler_) return move_obstacle::handler;
  if (output_.malloc_len() != 0) return move_obstacle::unflushed;
  return move_obstacle::none;
}

/// Since the last time it was set to zero; of both ends, when one goes with the other.
std::uint64_t connection::work_that_moves() const noexcept {
  const connection* other = relay_ == nullptr ? nullptr : relay_->other_of(*this);
  return std::uint64_t{work_} + (other == nullptr ? 0 : other->work_);
}

/// One end of a pair decides for both: the one that has an observer, or the first.
bool connection::decides_on_moves() const noexcept {
  if (relay_ == nullptr || relay_->is_first(*this)) return true;
  const connection* first = relay_->other_of(*this);
  return first == nullptr || first->observer_ == nullptr;
}

std::error_code connection::move_to(shard_id to) {
  assert_owner();
  if (to >= shard_.owner().shards()) return make_error_code(errc::invalid_argument);
  if (moving_) return std::make_error_code(std::errc::operation_in_progress);
  if (phase_ >= phase::flushing) return reason_;
  const move_obstacle obstacle = pinned_by();
  const bool opens_yet = obstacle == move_obstacle::not_open && relay_ == nullptr && phase_ <= phase::open && !broken_;
  if (!passes_by_itself(obstacle) && !opens_yet) return make_error_code(errc::not_supported);
  if (relay_ != nullptr) {
    relay_->want_move(to);
  } else {
    rarely().move_to = to;
    move_wanted_ = to != shard_.id();
  }
  if (move_wanted_) shard_.schedule_delivery(*this);
  return {};
}

/// Nothing of ours is on the stack.
void connection::move_if_wanted() {
  if (pinned_by() != move_obstacle::none) return;
  relay_ == nullptr ? connection_mover::begin(*this) : relay_->begin_move();
}

/// Visits are held. False: it stays.
bool connection::leave() {
  const bool still_wanted = move_wanted_ && rare_->move_to != shard_.id();
  if (!still_wanted || pinned_by() != move_obstacle::none) return false;
  move_wanted_ = false;
  if (!agrees_to_leave()) return false;
  if (phase_ != phase::open) return false;  // the hook closed it
  start_leaving();
  return true;
}

bool connection::agrees_to_leave() {
  if (!profile_->hooks.on_leave) return true;
  bool agreed = false;
  in_handler_ = true;
  try {
    agreed = profile_->hooks.on_leave(*this);
  } catch (...) {
    handler_threw();
  }
  in_handler_ = false;
  return agreed;
}

void connection::start_leaving() {
  moving_ = true;
  begin_retire();
}

/// Everything that is not the shard's. An error: nothing was taken.
std::error_code connection::pack(packed_connection& out) {
  // What the poller was lent last and has not filled.
  static_cast<void>((filter_ == nullptr ? input_ : filter_->raw_input).book_ack(0));
  out.received = input_.read_position();
  out.sent = output_.read_position();
  const auto departs = [](link_buffer& from, foreign_slice& to) -> std::error_code {
    auto gone = foreign_slice::depart(std::move(from));
    if (!gone) return gone.error();
    to = std::move(*gone);
    return {};
  };
  std::error_code error = departs(input_, out.input);
  if (!error) error = departs(output_, out.output);
  if (!error && filter_ != nullptr) error = departs(filter_->raw_input, out.raw_input);
  if (!error && filter_ != nullptr) error = departs(filter_->raw_output, out.raw_output);
  if (error) {
    static_cast<void>(take_back(out));
    return error;
  }
  out.id = id_;
  out.fd = fd();
  out.remote = remote_;
  out.left = observer_;
  if (rare_->own_timeouts) out.own_timeouts = profile_->options.timeouts;
  out.dialled = dialled_;
  out.eof = eof_;
  out.new_bytes = new_bytes_;
  out.final_call_made = final_call_made_;
  out.keep_half_open = keep_half_open_;
  out.fin_wanted = fin_wanted_;
  out.fin_sent = fin_sent_;
  out.shutting_down = shutting_down_;
  out.paused_by_output = paused_by_output_;
  out.paused_by_relay = paused_by_relay_;
  out.opened_at = opened_at_;
  out.last_activity = last_activity_;
  out.write_progress = write_progress_;
  if (filter_ != nullptr) filter_->leave();
  out.filter = std::move(filter_);
  out.rare = std::move(rare_);
  out.context = std::move(context_);
  return {};
}

/// The streams go on where they stopped. errc::no_memory: bytes are lost.
std::error_code connection::take_back(packed_connection& from) {
  std::error_code error;
  const auto settle = [&error](link_buffer& to, foreign_slice& bytes) {
    if (const auto moved = to.append(std::move(bytes)); !moved) error = moved.error();
    static_cast<void>(to.commit());
  };
  if (input_.empty()) input_.start_at(from.received);
  if (output_.empty()) output_.start_at(from.sent);
  settle(input_, from.input);
  settle(output_, from.output);
  if (filter_ != nullptr) {
    settle(filter_->raw_input, from.raw_input);
    settle(filter_->raw_output, from.raw_output);
  }
  return error;
}

/// What pack() took besides bytes.
void connection::unpack_here(packed_connection& from) {
  rare_ = std::move(from.rare);
  context_ = std::move(from.context);
  filter_ = std::move(from.filter);
  if (filter_ != nullptr) filter_->arrive(shard_, shard_.memory());
  if (const auto lost = take_back(from); lost) {
    broken_ = true;
    reason_ = lost;
  }
}

/// On its new shard, or on the old one when the new one had no room. True on the new one.
bool connection::settle_in(packed_connection& from) {
  const bool is_new = !moving_;
  moving_ = false;
  retired_ = false;
  phase_ = phase::open;
  unpack_here(from);
  rare_->moved_at = shard_.now();
  if (is_new && from.own_timeouts) own_profile().options.timeouts = *from.own_timeouts;
  dialled_ = from.dialled;
  announced_ = true;
  connect_ran_ = true;
  eof_ = from.eof;
  new_bytes_ = from.new_bytes;
  final_call_made_ = from.final_call_made;
  keep_half_open_ = from.keep_half_open;
  fin_wanted_ = from.fin_wanted;
  fin_sent_ = from.fin_sent;
  shutting_down_ = from.shutting_down;
  paused_by_output_ = from.paused_by_output;
  paused_by_relay_ = from.paused_by_relay;
  opened_at_ = from.opened_at;
  last_activity_ = from.last_activity;
  write_progress_ = from.write_progress;
  if (broken_) {
    fail_with(reason_);
  } else {
    go_on_here();
  }
  return is_new;
}

void connection::go_on_here() {
  if (const auto error = shard_.io().attach(*this); error) return close(close_how::reset, error);
  if (profile_->hooks.on_arrive) greet();
  if (phase_ != phase::open) return;
  update_receiving();
  arm_timer();
  shard_.schedule_delivery(*this);
  if (!output_is_empty() || fin_wanted_) shard_.mark_dirty(*this);
}

void connection::greet() {
  in_handler_ = true;
  try {
    profile_->hooks.on_arrive(*this);
  } catch (...) {
    handler_threw();
  }
  in_handler_ = false;
}

/// The poller has let go. False: it ends here after all.
bool connection::leave_for_good() {
  const connection* other = relay_ == nullptr ? nullptr : relay_->other_of(*this);
  if (broken_) {
    end_move(reason_);
    return false;
  }
  if (relay_ != nullptr && (other == nullptr || !other->moving_)) {
    stay_after_all();  // the other end has ended on the way
  } else if (other == nullptr || other->retired_) {
    connection_mover::send_off(*this);
  }
  return true;
}

/// Has not left, and cannot: as if it had been refused there.
void connection::stay_after_all() {
  retired_ = false;
  moving_ = false;
  phase_ = phase::open;
  if (relay_ != nullptr) relay_->stays(*this);
  connection_mover::stay(*this);
  go_on_here();
}

/// Reset while it was on its way out; the poller lets go all the same.
void connection::end_move(std::error_code reason) {
  if (shard_.local<connection_table>().find(id_) != this) return;  // a husk: the connection is on its new shard
  moving_ = false;
  how_ = close_how::reset;
  if (!reason_) reason_ = reason;
  shard_.machine().abort_socket(fd());
  if (retired_) shard_.schedule_delivery(*this);
  // The other end may wait for this one.
  connection* other = relay_ == nullptr ? nullptr : relay_->other_of(*this);
  if (other != nullptr && other->moving_) shard_.schedule_delivery(*other);
}

/// The other shard has it: this object is a husk.
void connection::has_left() {
  SHOAL_ASSERT(!is_linked_to_shard());
  phase_ = phase::finished;
  set_fd(-1);
  if (observer_ != nullptr) observer_->on_connection_left(*this);
  ++shard_.local<connection_table>().counters_.moved_out;
  shard_.load().connection_moved_on();
  shard_.local<connection_table>().destroy_husk(*this);
}

}  // namespace shoal
