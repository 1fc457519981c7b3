// SPDX-License-Identifier: Apache-2.0
// One lazy timer per connection: activity only stores a time; expiry looks what is due and arms for the rest.
#include <shoal/core/log_format.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/relay.hpp>

#include <algorithm>

namespace shoal {
namespace {

instant after(instant since, duration timeout) {
  return since == never || timeout == duration::zero() ? never : since + timeout;
}

}  // namespace

connection::life_timer::life_timer(connection& c) noexcept
    : timer([](timer& t) noexcept { static_cast<life_timer&>(t).owner.on_timer(); }), owner(c) {}

/// A pair is idle when both ends are: the one that only listens must not be cut off.
instant connection::idle_deadline() const noexcept {
  instant last = last_activity_;
  if (relay_ != nullptr) last = std::max(last, relay_->last_activity());
  const auto& timeouts = profile_->options.timeouts;
  const instant idle = after(last, timeouts.idle);
  // A half-closed one that still moves bytes is a download, not a leak: silence is what counts here too.
  return eof_ || fin_wanted_ ? std::min(idle, after(last, timeouts.half_closed)) : idle;
}

instant connection::write_limit() const noexcept {
  const instant by_progress = after(write_progress_, profile_->options.timeouts.write);
  if (write_progress_ == never) return never;
  return rare_ == nullptr ? by_progress : std::min(by_progress, rare_->write_deadline);
}

instant connection::read_limit() const noexcept {
  if (read_waiter_ == nullptr) return never;
  if (rare_ != nullptr && rare_->read_deadline != never) return rare_->read_deadline;
  return after(read_waiter_->since_, profile_->options.timeouts.read);
}

instant connection::earliest_deadline() const noexcept {
  switch (phase_) {
    case phase::connecting:
    case phase::lingering:
    case phase::closed: return close_deadline_;
    case phase::open: return std::min({idle_deadline(), write_limit(), read_limit()});
    case phase::flushing: return std::min(write_limit(), idle_deadline());
    default: return never;
  }
}

/// Arms for what is due first, unless the timer already fires before that (it will look again then).
void connection::arm_timer() {
  const instant due = earliest_deadline();
  if (due == never || (timer_.armed() && timer_.fires_at() <= due)) return;
  shard_.timers().arm(timer_, due);
}

void connection::close_idle() {
  const bool half = eof_ || fin_wanted_;
  const auto& timeouts = profile_->options.timeouts;
  const auto reason = half && timeouts.half_closed != duration::zero() &&
                              (timeouts.idle == duration::zero() || timeouts.half_closed < timeouts.idle)
                          ? errc::half_closed_timeout
                          : errc::idle_timeout;
  // One that does not even take our last bytes is not drained any longer.
  close(phase_ == phase::flushing ? close_how::reset : close_how::drain, make_error_code(reason));
}

void connection::on_timer() noexcept {
  const instant now = shard_.now();
  const auto due = [now](instant deadline) { return deadline <= now; };
  switch (phase_) {
    case phase::connecting:
      if (due(close_deadline_)) {
        broken_ = true;
        reason_ = make_error_code(errc::connect_timeout);
        shard_.schedule_delivery(*this);
        return;
      }
      break;
    case phase::lingering:
      if (due(close_deadline_)) {
        begin_retire();
        return;
      }
      break;
    case phase::open:
    case phase::flushing:
      if (due(write_limit())) return close(close_how::reset, make_error_code(errc::write_timeout));
      if (due(idle_deadline())) return close_idle();
      if (due(read_limit())) {
        read_waiter_->error_ = make_error_code(errc::read_timeout);
        shard_.run_or_schedule(*std::exchange(read_waiter_, nullptr));
      }
      break;
    case phase::closed:
      // It may take its time, but somebody should know: the connection stays until it returns.
      close_deadline_ = never;
      ++shard_.local<connection_table>().counters_.handlers_overdue;
      log_warning(
          shard_.log(),
          "{} {}: a handler still runs {} ms after its connection was closed; does it wait without "
          "stop_token()?",
          profile_->name, to_string(remote_),
          std::chrono::duration_cast<std::chrono::milliseconds>(profile_->options.timeouts.handler_grace).count());
      return;
    default: return;
  }
  arm_timer();
}

}  // namespace shoal
