// SPDX-License-Identifier: Apache-2.0
// How a connection ends. One state machine, one destruction point.
//
//   open --close(drain)--> flushing --all sent, FIN--> lingering --EOF or time--> retiring --retired--> closed
//   --handler back--> finished
//     \----close(reset), error, timeout ------------------------------------------^
#include <shoal/core/log_format.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/filter.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/relay.hpp>
#include <shoal/net/writer.hpp>

namespace shoal {

void connection::close(close_how how, std::error_code reason) {
  assert_owner();
  if (moving_) return end_move(reason);
  if (phase_ >= phase::flushing) {
    if (how == close_how::reset && phase_ < phase::retiring) {
      how_ = how;
      begin_retire();
      shard_.schedule_delivery(*this);
    }
    return;
  }
  how_ = how;
  if (!reason_) reason_ = reason;
  if (rare_ != nullptr) rare_->stop.request_stop();
  const bool drains = how == close_how::drain && phase_ == phase::open && !broken_;
  if (drains) {
    flush();
    fin_wanted_ = true;
    phase_ = phase::flushing;
    last_activity_ = shard_.now();  // the time to take our last bytes begins now, however long it was quiet before
    shard_.mark_dirty(*this);
    update_receiving();
    arm_timer();
  } else {
    begin_retire();
  }
  end_waits(reason_);
  shard_.schedule_delivery(*this);
}

/// The peer, the socket or a limit ended it.
void connection::fail_with(std::error_code reason) {
  broken_ = true;
  reason_ = reason;
  close(close_how::reset, reason);
}

/// Over by itself: everything was read and handled, everything was sent.
void connection::close_if_over() {
  if (phase_ != phase::open || in_handler_ || relay_ != nullptr || read_waiter_ != nullptr || !output_is_empty())
    return;
  if (eof_ && !keep_half_open_ && !owned_ && (input_.len() == 0 || final_call_made_ || !profile_->hooks.on_request)) {
    close(close_how::drain, make_error_code(errc::eof));
  } else if (shutting_down_ && (unread() == 0 || !profile_->hooks.on_request)) {
    close(close_how::drain, make_error_code(errc::stopped));
  }
}

/// Graceful stop: from now on idle means over.
void connection::begin_shutdown() {
  shutting_down_ = true;
  if (phase_ == phase::open) shard_.schedule_delivery(*this);
}

/// Nobody waits for it any more. What was closed in order has its last bytes to send, but not as long as it likes.
void connection::end_with_shard() {
  if (phase_ == phase::flushing && unsent() != 0) {
    set_write_deadline(shard_.now() + profile_->options.timeouts.linger);
  } else if (phase_ != phase::lingering && (phase_ != phase::flushing || !output_is_empty())) {
    close(close_how::reset, make_error_code(errc::stopped));
  }
}

void connection::begin_retire() {
  if (phase_ == phase::retiring) return;
  phase_ = phase::retiring;
  receiving_ = false;
  shard_.timers().cancel(timer_);
  // Also after an error of our own (a filter's, the slab's): an orderly end would pass for a complete answer.
  if (how_ == close_how::reset && !gives_away()) shard_.machine().abort_socket(fd());
  shard_.io().retire(*this);
}

void connection::retired() {
  retired_ = true;
  shard_.schedule_delivery(*this);
}

/// Steps as far as it can. May destroy the connection.
void connection::advance_close() {
  if (phase_ == phase::flushing) {
    // When nothing can come any more either, close() itself is the FIN.
    if (broken_ || (!fin_sent_ && eof_ && output_is_empty())) {
      begin_retire();
    } else if (fin_sent_) {
      phase_ = phase::lingering;
      close_deadline_ = shard_.now() + profile_->options.timeouts.linger;
      arm_timer();
    }
  }
  if (phase_ == phase::lingering && (eof_ || broken_)) begin_retire();
  if (phase_ == phase::retiring && retired_) {
    if (moving_ && leave_for_good()) return;
    phase_ = phase::closed;
    if (detaching_) hand_over();
    if (in_handler_) {
      close_deadline_ = shard_.now() + profile_->options.timeouts.handler_grace;
      arm_timer();
    }
  }
  if (phase_ == phase::closed && !in_handler_) finish();
}

/// Waiters are told before anything else happens; they resume from the run queue.
void connection::end_waits(std::error_code error) {
  if (read_waiter_ != nullptr) {
    read_waiter_->error_ = error;
    shard_.schedule(*std::exchange(read_waiter_, nullptr));
  }
  if (write_waiter_ != nullptr) {
    write_waiter_->error_ = error;
    shard_.schedule(*std::exchange(write_waiter_, nullptr));
  }
  if (rare_ != nullptr) settle_posts(error);
}

/// on_disconnect, then the close callbacks, last added first. One that throws does not keep the others from running.
void connection::run_last_hooks() noexcept {
  const profile_ptr running = profile_;  // a hook may override it
  const auto guarded = [this](const auto& call) {
    try {
      call();
    } catch (const std::exception& error) {
      log_error(shard_.log(), "{} {}: a close hook threw: {}", profile_->name, to_string(remote_), error.what());
    } catch (...) {
      log_error(shard_.log(), "{} {}: a close hook threw", profile_->name, to_string(remote_));
    }
  };
  if (connect_ran_ && running->hooks.on_disconnect) {
    guarded([&] { running->hooks.on_disconnect(*this, reason_); });
  }
  while (rare_ != nullptr && !rare_->close_callbacks.empty()) {
    const auto last = std::move(rare_->close_callbacks.back());
    rare_->close_callbacks.pop_back();
    guarded([&] { last(*this); });
  }
}

/// The one destruction point.
void connection::finish() {
  if (phase_ != phase::finished) {
    phase_ = phase::finished;
    run_last_hooks();
    drop_relay();
    shard_.timers().cancel(timer_);
    input_.close();
    output_.close();
    if (fd() >= 0) {
      shard_.machine().close_socket(fd());
      set_fd(-1);
    }
  }
  // The shard may still hold us on a list of this turn, or an owner a reference.
  if (owned_ || is_linked_to_shard()) return;
  if (observer_ != nullptr) observer_->on_connection_gone(*this);
  shard_.local<connection_table>().destroy(*this);
}

void connection::drop_relay() {
  if (relay_ != nullptr) std::exchange(relay_, nullptr)->forget(*this);
}

}  // namespace shoal
