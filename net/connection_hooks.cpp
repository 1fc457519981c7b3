// SPDX-License-Identifier: Apache-2.0
// When a connection's hooks run, and what happens when one throws.
#include <shoal/core/log.hpp>
#include <shoal/core/log_format.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/filter.hpp>
#include <shoal/net/relay.hpp>

#include <algorithm>
#include <exception>
#include <limits>

namespace shoal {
namespace {

// Calls of on_request per turn: a peer that pipelines small messages must not hold the shard.
constexpr int requests_per_turn = 64;

// What an event of a connection costs its shard beside its handler: receiving, sending, the turn's steps.
constexpr duration least_work = std::chrono::microseconds{4};

}  // namespace

connection::handler_done::handler_done(connection& c) noexcept
    : run_item([](run_item& item) { static_cast<handler_done&>(item).owner.on_handler_done(); }), owner(c) {}

void connection::run_prepare() {
  if (!profile_->hooks.on_prepare) return;
  in_handler_ = true;
  try {
    profile_->hooks.on_prepare(*this);
  } catch (...) {
    handler_threw();
  }
  in_handler_ = false;
  if (rare_ != nullptr) rare_->running_profile.reset();  // the next hook keeps the table that it comes from
}

/// What the bytes and the end of bytes are for.
void connection::run_application() {
  const bool sampled = shard_.samples_work();
  const instant from = sampled ? shard_.machine().now() : instant{};
  if (phase_ == phase::open) begin_handlers();
  wake_reader();
  run_handlers();
  if (!sampled) return;
  const duration took = shard_.machine().now() - from + least_work;
  const std::uint64_t sum = work_ + static_cast<std::uint64_t>(took.count());
  work_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, std::numeric_limits<std::uint32_t>::max()));
}

void connection::begin_handlers() {
  if (connect_ran_) return;
  connect_ran_ = true;
  if (profile_->hooks.on_connect) run_once(profile_->hooks.on_connect, "on_connect");
}

void connection::run_handlers() {
  if (relay_ != nullptr) return relay_->deliver(*this);
  for (int i = 0; i < requests_per_turn; ++i) {
    if (phase_ != phase::open || in_handler_ || !connect_ran_ || !profile_->hooks.on_request) return;
    if (read_waiter_ != nullptr || relay_ != nullptr) return;
    if (rare_ != nullptr && rare_->move_asked) return;  // about to leave: they begin where it lives then
    const bool final_call = eof_ && !final_call_made_;
    if (input_.len() == 0 || !(new_bytes_ || final_call)) return;
    new_bytes_ = false;
    if (eof_) final_call_made_ = true;
    const auto consumed_before = input_.read_position();
    if (!run_once(profile_->hooks.on_request, "on_request")) return;
    // Progress and something left: call again. Without progress it waits for new bytes or EOF.
    if (input_.read_position() != consumed_before) {
      new_bytes_ = true;
      final_call_made_ = false;
    }
  }
  shard_.schedule_delivery(*this);
}

/// Runs one hook to its end or first suspension; true when it has ended.
bool connection::run_once(const handler& hook, const char* name) {
  in_handler_ = true;
  shard_.note_hook(name);
  try {
    if (hook.is_plain()) {
      hook.call_plain(*this);
    } else {
      consumed_at_start_ = input_.read_position();
      handler_ = hook.call_coroutine(*this);
      if (!handler_.start(handler_done_)) {
        shard_.note_hook(nullptr);
        return false;
      }
      handler_.take();
    }
  } catch (...) {
    handler_threw();
  }
  shard_.note_hook(nullptr);
  after_handler();
  return true;
}

/// A coroutine hook that had been suspended has ended.
void connection::on_handler_done() noexcept {
  try {
    handler_.take();
  } catch (...) {
    handler_threw();
  }
  if (input_.read_position() != consumed_at_start_) {
    new_bytes_ = true;
    final_call_made_ = false;
  }
  after_handler();
  shard_.schedule_delivery(*this);
}

void connection::after_handler() noexcept {
  handler_ = {};
  in_handler_ = false;
  if (rare_ != nullptr) rare_->running_profile.reset();
  input_.release();
  update_receiving();
}

void connection::handler_threw() noexcept {
  ++shard_.local<connection_table>().counters_.handler_failures;
  try {
    throw;
  } catch (const std::exception& error) {
    log_error(shard_.log(), "{} {}: a handler threw: {}; the connection is closed", profile_->name, to_string(remote_),
              error.what());
  } catch (...) {
    log_error(shard_.log(), "{} {}: a handler threw something that is no std::exception; the connection is closed",
              profile_->name, to_string(remote_));
  }
  close(close_how::reset, make_error_code(errc::handler_failed));
}

}  // namespace shoal
