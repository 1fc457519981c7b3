// SPDX-License-Identifier: Apache-2.0
// The input side of a connection: what the poller reports, what readers wait for, when receiving pauses.
#include <shoal/net/connection.hpp>
#include <shoal/net/filter.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/relay.hpp>

#include <algorithm>
#include <utility>

namespace shoal {

namespace {

/// However full the other side is, a receive that was asked for gets a page: less would cost more calls than it saves.
constexpr std::size_t smallest_receive = 4096;

}  // namespace

/// Bytes mostly go on to this connection's output, or to its relay partner's. While that is backed up, receive into the
/// room behind what is queued there, and no more than its high mark leaves. Besides its bytes a queue pins one block
/// that is mostly sent and one that is mostly empty: at half and a quarter of the mark at most, all is below twice the
/// mark.
result<std::span<std::byte>> connection::book_input() {
  const auto most = profile_->options.max_receive;
  if (filter_ != nullptr) return filter_->raw_input.book(most);
  const connection* onward = relay_ == nullptr ? this : relay_->other_of(*this);
  if (onward == nullptr) return input_.book(most);
  const auto high = onward->profile().options.output.high;
  const auto queued = onward->unsent();
  const auto left = queued == 0 ? high / 2 : std::min(high > queued ? high - queued : 0, high / 4);
  return input_.book_behind(onward->output_, std::min(std::max(left, smallest_receive), most));
}

std::span<std::byte> connection::inputs() {
  auto booked = book_input();
  if (booked) return *booked;
  // The slab is at its limit: this connection ends, the others go on (D15).
  broken_ = true;
  reason_ = booked.error();
  shard_.schedule_delivery(*this);
  return {};
}

void connection::input_ack(std::size_t filled) {
  auto& raw = filter_ == nullptr ? input_ : filter_->raw_input;
  const auto acknowledged = raw.book_ack(filled);
  SHOAL_ASSERT(acknowledged.has_value());
  if (filled != 0) note_input();
}

/// Not while bytes wait here or where they go on to: a block for every small piece would outweigh them. Then they are
/// received into the room behind what waits.
bool connection::takes_blocks() const noexcept {
  if (filter_ != nullptr) return filter_->raw_input.empty();
  const connection* onward = relay_ == nullptr ? this : relay_->other_of(*this);
  return input_.empty() && (onward == nullptr || onward->output_.empty());
}

void connection::input_block(block_ref&& filled_block, std::size_t filled) {
  auto& raw = filter_ == nullptr ? input_ : filter_->raw_input;
  const auto added = raw.adopt(std::move(filled_block), filled);
  if (!added) {  // the slab is at its limit, and bytes are lost: as in inputs()
    broken_ = true;
    if (!reason_) reason_ = added.error();
    return shard_.schedule_delivery(*this);
  }
  note_input();
}

void connection::note_input() {
  auto& raw = filter_ == nullptr ? input_ : filter_->raw_input;
  last_activity_ = shard_.now();
  if (phase_ != phase::open && !gives_away()) {
    // Closing: what still comes is dropped. Blocks a handler has spans into stay.
    const auto dropped = raw.take_all();
    return;
  }
  new_bytes_ = true;
  if (!gives_away()) update_receiving();
  shard_.schedule_delivery(*this);
}

void connection::hung_up(std::error_code reason) {
  receiving_ = false;
  if (reason == errc::eof) {
    eof_ = true;
    last_activity_ = shard_.now();  // as in close_write()
  } else {
    broken_ = true;
    if (!reason_) reason_ = reason;
  }
  shard_.schedule_delivery(*this);
}

void connection::decode_input() {
  if (phase_ != phase::open || filter_->decoded_eof) return;
  const auto error = filter_->code->decode(filter_->raw_input, input_, eof_);
  filter_->decoded_eof = eof_;
  if (error) return close(close_how::reset, error);
  if (filter_->code->want_write()) shard_.mark_dirty(*this);
  update_receiving();
}

std::size_t connection::unread() const noexcept {
  return input_.len() + (filter_ == nullptr ? 0 : filter_->raw_input.len());
}

/// Pauses above the high mark, resumes at the low one; a wait for more than the mark raises it.
void connection::update_receiving() {
  const auto& marks = profile_->options.input;
  bool want = !eof_ && !broken_;
  if (phase_ == phase::open) {
    const std::size_t awaited = read_waiter_ == nullptr ? 0 : read_waiter_->want_;
    const std::size_t limit = receiving_ ? marks.high : marks.low + 1;
    want = want && !paused_by_relay_ && !paused_by_output_ && unread() < std::max(limit, awaited);
  } else {
    want = want && (phase_ == phase::flushing || phase_ == phase::lingering);
  }
  if (want == receiving_) return;
  receiving_ = want;
  shard_.io().receive(*this, want);
}

void connection::wake_reader() {
  if (read_waiter_ == nullptr) return;
  read_waiter& waiter = *read_waiter_;
  if (!waiter.satisfied()) {
    if (waiter.want_ > profile_->options.max_message && phase_ == phase::open) {
      waiter.error_ = make_error_code(errc::message_too_long);
    } else if (eof_) {
      waiter.error_ = make_error_code(errc::eof);
    } else {
      update_receiving();
      return;
    }
  }
  read_waiter_ = nullptr;
  shard_.run_or_schedule(waiter);
}

bool read_waiter::begin() {
  connection& c = connection_;
  c.assert_owner();
  if (satisfied()) return false;
  if (c.phase_ != connection::phase::open) {
    error_ = c.reason_ ? c.reason_ : make_error_code(errc::closed);
  } else if (c.eof_) {
    error_ = make_error_code(errc::eof);
  } else if (c.read_waiter_ != nullptr) {
    error_ = make_error_code(errc::concurrent_access);
  } else if (c.input_.unreleased() >= c.profile_->options.input.high) {
    error_ = make_error_code(errc::unreleased);  // a loop that never calls release() would hold every block for ever
  } else if (want_ > c.profile_->options.max_message) {
    error_ = make_error_code(errc::message_too_long);
  } else {
    c.read_waiter_ = this;
    since_ = c.shard_.now();
    c.update_receiving();
    c.arm_timer();
    return true;
  }
  return false;
}

bool until_operation::satisfied() {
  auto& input = connection_.input();
  found_ = input.until(delimiter_);
  if (found_ || found_.error() != errc::not_enough_data) {
    if (!found_) error_ = found_.error();
    return true;
  }
  want_ = input.len() + 1;
  return false;
}

void reader::release() const { connection_.input().release(); }

}  // namespace shoal
