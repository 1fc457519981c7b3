// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/connection.hpp>

#include <shoal/net/connection_table.hpp>
#include <shoal/net/filter.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/writer.hpp>

namespace shoal {

connection::connection(shard& here, int fd, profile_ptr profile, connection_observer* observer, const address& remote)
    : fd_operator(fd),
      shard_(here),
      input_(here.memory()),
      output_(here.memory()),
      profile_(std::move(profile)),
      observer_(observer),
      opened_at_(here.now()),
      last_activity_(here.now()),
      remote_(remote) {}

void connection::make_filter() {
  const auto& make = profile_->options.make_filter;
  if (make) filter_ = std::make_unique<filter_stage>(make(), shard_.memory());
}

connection::~connection() {
  SHOAL_ASSERT(phase_ == phase::finished);
  SHOAL_ASSERT(read_waiter_ == nullptr && write_waiter_ == nullptr && relay_ == nullptr);
}

void connection::start_accepted() {
  run_prepare();
  if (phase_ != phase::idle) return;  // closed by on_prepare
  if (const auto error = shard_.io().attach(*this); error) {
    close(close_how::reset, error);
    return;
  }
  phase_ = phase::open;
  update_receiving();
  arm_timer();
  shard_.schedule_delivery(*this);
}

void connection::start_dialled(socket_name_view target) {
  dialled_ = true;
  run_prepare();
  if (phase_ != phase::idle) return;
  phase_ = phase::connecting;
  shard_.io().connect(*this, target);
  arm_timer();
}

void connection::connected(std::error_code outcome) {
  if (phase_ != phase::connecting) return;
  if (outcome) {
    broken_ = true;
    reason_ = outcome;
  } else {
    phase_ = phase::open;
    last_activity_ = shard_.now();
    update_receiving();
    if (!output_is_empty()) shard_.mark_dirty(*this);  // flushed while it was connecting
  }
  shard_.schedule_delivery(*this);
}

/// The turn's "deliver" step: everything the reports left behind. May destroy the connection in its last line.
void connection::deliver() {
  if (phase_ == phase::finished) return finish();
  // The outcome of a dial: connected, failed, or closed by us meanwhile.
  if (dialled_ && !announced_ && (phase_ != phase::connecting || broken_)) {
    announced_ = true;
    const auto outcome = phase_ == phase::open ? std::error_code{} : reason_;
    if (observer_ != nullptr) observer_->on_connection_established(*this, outcome);
  }
  if (broken_ && (phase_ == phase::open || phase_ == phase::connecting)) fail_with(reason_);
  if (filter_ != nullptr) decode_input();
  // Before another handler begins: on a busy shard the next request is always here when the last one is done.
  if (move_wanted_ && phase_ == phase::open) move_if_wanted();
  run_application();
  close_if_over();
  arm_timer();
  advance_close();
}

result<address> connection::local() const {
  if (fd() < 0) return fail(errc::closed);
  auto name = shard_.machine().local_name(fd());
  if (!name) return fail(name.error());
  return address::from_sockaddr(name->view().data, name->view().size);
}

task<result<std::size_t>> connection::read(std::span<std::byte> space) {
  if (space.empty()) co_return std::size_t{0};
  // Waits without a span: nothing is lent, so what is read below is freed at once.
  read_operation<void> wait{*this, 1, [](link_buffer&, std::size_t) { return result<void>{}; }};
  const auto first = co_await wait;
  if (!first) {
    if (first.error() == errc::eof) co_return std::size_t{0};
    co_return fail(first.error());
  }
  co_return input_.read_some(space);
}

task<result<std::size_t>> connection::write(std::span<const std::byte> bytes) {
  if (auto written = output_.write_binary(bytes); !written) co_return fail(written.error());
  auto flushed = co_await flush();
  if (!flushed) co_return fail(flushed.error());
  co_return bytes.size();
}

connection::rare& connection::rarely() {
  if (rare_ == nullptr) rare_ = std::make_unique<rare>();
  return *rare_;
}

std::stop_token connection::stop_token() {
  assert_owner();
  rare& mine = rarely();
  if (!mine.stop.stop_possible()) mine.stop = std::stop_source{};
  if (phase_ >= phase::flushing) mine.stop.request_stop();
  return mine.stop.get_token();
}

void connection::add_close_callback(callback<void(connection&)> callback) {
  assert_owner();
  if (phase_ != phase::finished && callback) rarely().close_callbacks.push_back(std::move(callback));
}

/// The profile as this connection's own, to be overridden. A running handler keeps the one it came from.
connection_profile& connection::own_profile() {
  assert_owner();
  auto copy = make_profile(*profile_);
  if (in_handler_ && rarely().running_profile == nullptr) rare_->running_profile = profile_;
  profile_ = copy;
  return *copy;
}

std::uint64_t connection::bytes_sent() const noexcept {
  return filter_ == nullptr ? output_.read_position() : filter_->sent_plain;
}

std::error_code connection::set_tcp_options(const tcp_options& options) {
  assert_owner();
  if (fd() < 0) return make_error_code(errc::closed);
  return shard_.machine().set_options(fd(), options);
}

void connection::set_read_timeout(duration timeout) {
  own_profile().options.timeouts.read = timeout;
  rarely().own_timeouts = true;
  arm_timer();
}
void connection::set_write_timeout(duration timeout) {
  own_profile().options.timeouts.write = timeout;
  rarely().own_timeouts = true;
  arm_timer();
}
void connection::set_idle_timeout(duration timeout) {
  own_profile().options.timeouts.idle = timeout;
  rarely().own_timeouts = true;
  arm_timer();
}
void connection::set_read_deadline(instant deadline) {
  assert_owner();
  rarely().read_deadline = deadline;
  arm_timer();
}
void connection::set_write_deadline(instant deadline) {
  assert_owner();
  rarely().write_deadline = deadline;
  arm_timer();
}
void connection::set_on_request(handler hook) {
  own_profile().hooks.on_request = std::move(hook);
  rarely().own_hooks = true;
  if (unread() != 0) {
    new_bytes_ = true;
    if (phase_ == phase::open) shard_.schedule_delivery(*this);
  }
}
void connection::set_on_disconnect(callback<void(connection&, std::error_code)> hook) {
  own_profile().hooks.on_disconnect = std::move(hook);
  rarely().own_hooks = true;
}

}  // namespace shoal
