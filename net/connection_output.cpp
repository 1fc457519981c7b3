// SPDX-License-Identifier: Apache-2.0
// The output side of a connection: what is queued, what has left, who waits for it.
#include <shoal/net/connection.hpp>
#include <shoal/net/filter.hpp>
#include <shoal/net/relay.hpp>
#include <shoal/net/writer.hpp>

namespace shoal {

flush_awaiter connection::flush() {
  assert_owner();
  if (phase_ != phase::open && phase_ != phase::connecting) {
    return {*this, 0, reason_ ? reason_ : make_error_code(errc::closed)};
  }
  if (fin_wanted_) return {*this, 0, make_error_code(errc::closed)};
  static_cast<void>(output_.commit());  // fails once closed, and then there is nothing to send
  const std::size_t queued = unsent();
  if (queued != 0) {
    if (write_progress_ == never) {
      write_progress_ = shard_.now();
      arm_timer();
    }
    shard_.mark_dirty(*this);
    // Not in a relay: what is read here leaves on the other side, and a peer that writes before it reads would wait for
    // us as we for it.
    if (queued >= profile_->options.output.high && !paused_by_output_ && relay_ == nullptr) {
      paused_by_output_ = true;
      update_receiving();
    }
  }
  return {*this, bytes_sent() + queued, {}};
}

void connection::flush_dirty() {
  if (phase_ != phase::open && phase_ != phase::flushing) return;
  if (filter_ != nullptr) {
    const auto plain = output_.len();
    if (const auto error = filter_->code->encode(output_, filter_->raw_output); error)
      return close(close_how::reset, error);
    filter_->note_encoded(plain);
  }
  if (output_is_empty()) return say_fin();
  shard_.io().send(*this);
}

std::size_t connection::outputs(std::span<iovec> pieces) {
  return (filter_ == nullptr ? output_ : filter_->raw_output).get_bytes(pieces);
}

std::size_t connection::outputs_held(std::span<iovec> pieces, std::span<block_ref> holds) {
  return (filter_ == nullptr ? output_ : filter_->raw_output).get_bytes(pieces, holds);
}

void connection::output_ack(std::size_t sent) {
  last_activity_ = shard_.now();
  if (filter_ == nullptr) {
    static_cast<void>(output_.consume(sent));
  } else {
    static_cast<void>(filter_->raw_output.consume(sent));
    filter_->note_sent(sent);
  }
  const std::size_t left = unsent();
  write_progress_ = left == 0 ? never : last_activity_;
  if (paused_by_output_ && left <= profile_->options.output.low) {
    paused_by_output_ = false;
    update_receiving();
  }
  if (write_waiter_ != nullptr) wake_writer();
  if (rare_ != nullptr && left <= profile_->options.output.low) settle_posts({});
  if (relay_ != nullptr) relay_->output_left(*this, left);
  if (!output_is_empty()) return;
  if (fin_wanted_) say_fin();
  // Only the end of something waits for an empty output; a busy connection is spared the delivery.
  if (eof_ || shutting_down_ || phase_ == phase::flushing) shard_.schedule_delivery(*this);
}

std::size_t connection::unsent() const noexcept {
  return output_.len() + (filter_ == nullptr ? 0 : filter_->encoded_plain);
}

bool connection::output_is_empty() const noexcept {
  return output_.len() == 0 && (filter_ == nullptr || filter_->raw_output.len() == 0);
}

void connection::wake_writer() {
  if (bytes_sent() < write_waiter_->sequence_) return;
  shard_.schedule(*std::exchange(write_waiter_, nullptr));
}

/// Behind what is written, committed or not: only the handler knows where its messages end.
void connection::take_post(connection_post& post) {
  assert_owner();
  if ((phase_ != phase::open && phase_ != phase::connecting) || fin_wanted_) {
    return post.settle(reason_ ? reason_ : make_error_code(errc::closed));
  }
  if (const auto put = post.put(output_); !put) {
    fail_with(put.error());  // the stream would have a hole
    return post.settle(put.error());
  }
  flush();
  if (unsent() < profile_->options.output.high) return post.settle({});
  rarely().posts.push_back(post);
}

void connection::settle_posts(std::error_code outcome) noexcept {
  while (!rare_->posts.empty()) {
    connection_post& first = rare_->posts.front();
    rare_->posts.pop_front();
    first.settle(outcome);
  }
}

void connection::close_write() {
  assert_owner();
  if (phase_ != phase::open || fin_wanted_) return;
  flush();
  fin_wanted_ = true;
  last_activity_ = shard_.now();  // the time to be half closed begins now, however long it was quiet before
  shard_.mark_dirty(*this);
  arm_timer();
}

/// FIN, once everything before it has left.
void connection::say_fin() {
  if (!fin_wanted_ || fin_sent_ || broken_ || !output_is_empty()) return;
  if (filter_ != nullptr && !filter_->farewell_said) {
    filter_->farewell_said = true;
    if (const auto error = filter_->code->close_write(filter_->raw_output); error)
      return close(close_how::reset, error);
    if (filter_->raw_output.len() != 0) return shard_.io().send(*this);
  }
  fin_sent_ = true;
  shard_.machine().shutdown_socket(fd(), shutdown_side::write);
  shard_.schedule_delivery(*this);
}

bool flush_awaiter::begin() {
  connection& c = connection_;
  if (error_ || c.bytes_sent() >= sequence_) return false;
  c.assert_owner();
  if (c.phase_ != connection::phase::open && c.phase_ != connection::phase::connecting) {
    error_ = c.reason_ ? c.reason_ : make_error_code(errc::closed);
  } else if (c.write_waiter_ != nullptr) {
    error_ = make_error_code(errc::concurrent_access);
  } else {
    c.write_waiter_ = this;
    return true;
  }
  return false;
}

flush_awaiter connection::wait_for_room() {
  const flush_awaiter flushed = flush();
  if (flushed.error_) return {*this, 0, flushed.error_};  // whoever writes on would write for nothing, for ever
  // Below the high mark nobody waits; above it until the low one is reached.
  const auto& marks = profile_->options.output;
  const std::size_t queued = unsent();
  return {*this, queued < marks.high ? 0 : bytes_sent() + queued - marks.low, {}};
}

flush_awaiter writer::room() const { return connection_.wait_for_room(); }

}  // namespace shoal
