// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/dialer.hpp>

#include <algorithm>

namespace shoal {

connection_owner::connection_owner(connection& c) noexcept : held_(&c) { c.owned_ = true; }

connection_owner& connection_owner::operator=(connection_owner&& other) noexcept {
  if (this != &other) {
    reset();
    held_ = std::exchange(other.held_, nullptr);
  }
  return *this;
}

connection& connection_owner::release() noexcept {
  connection& c = *std::exchange(held_, nullptr);
  c.owned_ = false;
  c.owner().schedule_delivery(c);
  return c;
}

void connection_owner::reset() noexcept {
  if (held_ == nullptr) return;
  held_->close();
  release();
}

namespace {

/// One dial in progress; lives in the waiting frame and watches the connection until the outcome is known.
class dial_wait final : public resume_item, public connection_observer {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }
  [[nodiscard]] std::error_code await_resume() const noexcept { return outcome_; }

  void on_connection_gone(connection&) noexcept override {
    SHOAL_CHECK(false, "a connection went while its dial was waiting; its owner should have kept it");
  }
  void on_connection_established(connection&, std::error_code outcome) override {
    outcome_ = outcome;
    shard::current().run_or_schedule(*this);
  }

 private:
  std::error_code outcome_;
};

}  // namespace

task<result<connection_owner>> dialer::dial(const address& target, const dial_options& options) {
  host& machine = shard_.machine();
  const auto fd = machine.open_stream(target.family(), options.tcp);
  if (!fd) co_return fail(fd.error());
  if (options.source) {
    if (const auto error = machine.bind_source(*fd, options.source->view()); error) {
      machine.close_socket(*fd);
      co_return fail(error);
    }
  }
  dial_wait outcome;
  auto made = shard_.local<connection_table>().create(*fd, profile_, &outcome, target);
  if (!made) co_return fail(made.error());
  connection_owner owner{**made};
  owner->close_deadline_ = shard_.now() + options.timeout;
  owner->start_dialled(target.view());
  std::error_code error = owner->reason();
  if (owner->phase_ == connection::phase::connecting) error = co_await outcome;
  owner->observer_ = observer_;
  if (error) co_return fail(error);
  co_return std::move(owner);
}

}  // namespace shoal
