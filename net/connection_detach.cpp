// SPDX-License-Identifier: Apache-2.0
// How a connection gives up its descriptor: as at a close, the poller lets go first; then the descriptor goes to the
// taker instead of close(2), and the connection ends as every other.
#include <shoal/net/connection.hpp>
#include <shoal/net/detach.hpp>

namespace shoal {

std::error_code connection::detach(callback<void(result<detached_socket>)> taker) {
  assert_owner();
  if (phase_ >= phase::flushing) return reason_;
  if (phase_ != phase::open || broken_) return std::make_error_code(std::errc::not_connected);
  // A filter's state is not in the bytes; and a pair's other end would stay behind.
  if (filter_ != nullptr || relay_ != nullptr) return make_error_code(errc::not_supported);
  static_cast<void>(output_.commit());
  detaching_ = true;
  reason_ = make_error_code(errc::detached);
  rarely().taker = std::move(taker);
  rare_->stop.request_stop();
  begin_retire();
  end_waits(reason_);
  shard_.schedule_delivery(*this);
  return {};
}

/// The poller has let go. What was on its way meanwhile is in the buffers.
void connection::hand_over() {
  detaching_ = false;
  const auto taker = std::move(rare_->taker);
  detached_socket gone{shard_.machine(), fd(), remote_, input_.take_all(), output_.take_all()};
  set_fd(-1);
  // Bytes were lost on the way (the slab is at its limit): what is left is no stream any more.
  if (broken_ && reason_ != errc::detached) return taker(fail(reason_));
  taker(std::move(gone));
}

bool detach_awaiter::await_suspend(std::coroutine_handle<> handle) {
  waiting = handle;
  error_ = connection_.detach([this](result<detached_socket> outcome) {
    outcome_.emplace(std::move(outcome));
    shard::current().run_or_schedule(*this);
  });
  return !error_;
}

}  // namespace shoal
