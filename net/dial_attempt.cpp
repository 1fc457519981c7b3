// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/dial_attempt.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/net/connection_table.hpp>

namespace shoal {

std::error_code dial_attempt::start(shard& here, const profile_ptr& profile, connection_observer* observer,
                                    const address& target, const dial_options& options, instant deadline) {
  SHOAL_ASSERT(!held_);
  host& machine = here.machine();
  const auto fd = machine.open_stream(target.family(), options.tcp);
  if (!fd) return fd.error();
  if (options.source) {
    if (const auto error = machine.bind_source(*fd, options.source->view()); error) {
      machine.close_socket(*fd);
      return error;
    }
  }
  auto made = here.local<connection_table>().create(*fd, profile, this, target);
  if (!made) return made.error();
  observer_ = observer;
  held_ = connection_owner{**made};
  held_->close_deadline_ = deadline;
  held_->start_dialled(target.view());
  if (held_->phase_ == connection::phase::connecting) return {};
  const auto reason = held_->reason();  // on_prepare closed it
  abandon();
  return reason;
}

void dial_attempt::cancel(std::error_code reason) {
  if (held_ && held_->phase_ == connection::phase::connecting) held_->close(close_how::reset, reason);
}

void dial_attempt::abandon() noexcept {
  if (!held_) return;
  held_->observer_ = observer_;
  held_->announced_ = true;
  // A reset, also if it is connected by now: nothing was said on it, and nothing of it shall linger.
  held_->close(close_how::reset, make_error_code(errc::cancelled));
  held_ = connection_owner{};
}

connection_owner dial_attempt::take() noexcept {
  held_->observer_ = observer_;
  return std::move(held_);
}

void dial_attempt::on_connection_gone(connection&) noexcept {
  SHOAL_CHECK(false, "a connection went while its dial was waiting; its owner should have kept it");
}

void dial_attempt::on_connection_established(connection&, std::error_code outcome) { finished(outcome); }

}  // namespace shoal
