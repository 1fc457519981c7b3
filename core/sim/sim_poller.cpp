// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/sim_poller.hpp>

#include <shoal/buffers/check.hpp>

#include <array>
#include <cerrno>
#include <utility>

namespace shoal::sim {
namespace {

// What a poll takes that nobody steps: time must pass for who polls in a circle.
constexpr duration poll_cost = std::chrono::microseconds{1};

bool is_again(std::error_code error) { return error == std::error_code{EAGAIN, std::system_category()}; }

}  // namespace

sim_poller::sim_poller(sim_host& machine)
    : machine_(machine), world_(machine.world()), seat_(machine.runs().add_seat(machine.number())) {}

sim_poller::~sim_poller() {
  SHOAL_CHECK(registered_.empty(), "a poller was destroyed with operators that are not retired");
  SHOAL_CHECK(held_.empty(), "a poller was destroyed with messages on their way");
}

// ---- what is asked for ----

sim_poller::registration& sim_poller::add(fd_operator& op) {
  registration& r = registered_[op.fd()];
  SHOAL_CHECK(r.op == nullptr, "a descriptor has two operators");
  r.op = &op;
  r.number = ++registrations_;
  r.watched = machine_.at(op.fd());
  return r;
}

sim_poller::registration* sim_poller::find(const fd_operator& op) noexcept {
  const auto found = registered_.find(op.fd());
  return found == registered_.end() || found->second.op != &op ? nullptr : &found->second;
}

std::error_code sim_poller::attach(fd_operator& op) {
  registration& r = add(op);
  SHOAL_ASSERT(r.watched->wire != nullptr || r.watched->listening);
  SHOAL_CHECK(r.watched->watcher == nullptr, "a descriptor is watched by two pollers");
  r.attached = true;
  r.watched->watch(this);
  ++attached_;
  queue_if_owed(r);
  return {};
}

void sim_poller::receive(fd_operator& op, bool on) {
  registration* const r = find(op);
  if (r == nullptr || r->retiring || r->input_ended) return;
  r->want_receive = on;
  queue_if_owed(*r);
}

void sim_poller::send(fd_operator& op) {
  registration* const r = find(op);
  if (r == nullptr || r->retiring || r->dead || r->send_error) return;
  r->want_send = true;
  queue_if_owed(*r);
}

void sim_poller::accept(fd_operator& op, bool on) {
  registration* const r = find(op);
  if (r == nullptr || r->retiring) return;
  r->want_accept = on;
  queue_if_owed(*r);
}

void sim_poller::connect(fd_operator& op, socket_name_view name) {
  ++counters_.connects;
  registration& r = add(op);
  r.connecting = true;
  r.attached = true;
  ++attached_;
  r.watched->watch(this);
  if (const auto error = machine_.connect(op.fd(), name); error) r.watched->outcome = error;
  queue_if_owed(r);
}

void sim_poller::retire(fd_operator& op) {
  registration* found = find(op);
  registration& r = found != nullptr ? *found : add(op);
  SHOAL_ASSERT(!r.retiring);
  r.retiring = true;
  r.connecting = r.want_receive = r.want_send = r.want_accept = false;
  r.send_error = {};
  queue_if_owed(r);
}

void sim_poller::wake() noexcept {
  seat_->woken = true;
  machine_.runs().rouse(seat_);
}

// ---- what happens ----

void sim_poller::socket_changed(int fd) {
  const auto found = registered_.find(fd);
  SHOAL_ASSERT(found != registered_.end());
  queue_if_owed(found->second);
  if (is_ready()) machine_.runs().rouse(seat_);
}

bool sim_poller::holds(mailbox& sender, shard_id to) {
  if (held_.contains(to)) return true;
  if (!world_.shards.happens(world_.profile.late_message)) return false;
  ++world_.faults.late_messages;
  world_.note(machine_.number(), trace_event::message_held, seat_->number, to);
  held_.insert(to);
  // The mailbox is still there then: its message is not back yet, and until it is no shard of its runtime ends.
  world_.time.after(world_.shards.in(world_.profile.late_message_by), [this, &sender, to] {
    held_.erase(to);
    sender.make_visible(to);
  });
  return true;
}

/// A dead connection that nobody would notice by reading.
bool sim_poller::errs(const registration& r) {
  const socket& s = *r.watched;
  return s.wire != nullptr && s.wire->error(s.end) && !r.dead && !r.connecting && !r.want_receive && !r.input.pending &&
         !r.send_error;
}

bool sim_poller::owed(const registration& r) {
  const bool acknowledgement = r.input.due || r.output.due;
  if (r.retiring) return acknowledgement || (!r.input.pending && !r.output.pending);
  const socket& s = *r.watched;
  if (r.connecting) return s.outcome.has_value();
  if (acknowledgement || r.send_error || errs(r)) return true;
  if (r.want_accept && !s.queue.empty()) return true;
  if (s.wire == nullptr) return false;
  return (r.want_send && !r.output.pending && s.wire->writable(s.end)) ||
         (r.want_receive && !r.input.pending && s.wire->readable(s.end));
}

void sim_poller::queue_if_owed(registration& r) {
  if (r.queued || !owed(r)) return;
  r.queued = true;
  active_.push_back(r.watched->fd);
}

/// In an order that the seed decides: kernels promise none.
std::vector<int> sim_poller::take_active() {
  std::vector<int> batch;
  batch.swap(active_);
  for (std::size_t left = batch.size(); left > 1; --left) {
    std::swap(batch[left - 1], batch[static_cast<std::size_t>(world_.sockets.below(left))]);
  }
  return batch;
}

void sim_poller::poll(instant deadline, poll_sleeper& sleeper) {
  if (!seat_->sleeping) {
    ++counters_.polls;
    submit();
    if (fall_asleep(deadline, sleeper)) return;
  }
  seat_->sleeping = false;
  seat_->woken = false;
  sleeper.after_block();
  reap();
}

/// True if the sleep goes on after this call.
bool sim_poller::fall_asleep(instant deadline, poll_sleeper& sleeper) {
  const instant until = active_.empty() ? sleeper.before_block(deadline) : instant::min();
  const bool stepped = seat_->loop != nullptr;
  if (until <= world_.time.now() || seat_->woken) {
    if (!stepped) machine_.runs().run_until([] { return false; }, world_.time.now() + poll_cost);
    return false;
  }
  ++counters_.waits;
  if (stepped) {
    seat_->sleeping = true;
    seat_->until = until;
  } else {
    machine_.runs().block(until, [this] { return is_ready(); });
  }
  return stepped;
}

/// Everything that leaves: retirements, then one send per operator.
void sim_poller::submit() {
  for (const int fd : take_active()) {
    const auto found = registered_.find(fd);
    if (found == registered_.end()) continue;
    registration& r = found->second;
    r.queued = false;
    if (r.retiring) {
      let_go(fd);
      continue;
    }
    if (r.want_send && !r.output.pending && !r.connecting && r.watched->wire->writable(r.watched->end)) send_one(r);
    queue_if_owed(r);
  }
}

void sim_poller::let_go(int fd) {
  const auto found = registered_.find(fd);
  registration& r = found->second;
  acknowledge(r);
  if (r.input.pending || r.output.pending) return;
  if (r.attached) {
    r.watched->watch(nullptr);
    --attached_;
  }
  fd_operator& op = *r.op;
  registered_.erase(found);
  op.retired();
}

/// Everything that arrives: one receive per operator, a budget of accepts per listener.
void sim_poller::reap() {
  for (const int fd : take_active()) {
    const auto found = registered_.find(fd);
    if (found == registered_.end()) continue;
    registration& r = found->second;
    r.queued = false;
    ++counters_.events;
    if (!r.retiring) reap_one(r);
    queue_if_owed(r);
  }
}

void sim_poller::reap_one(registration& r) {
  const socket& s = *r.watched;
  const bool has_received = acknowledge(r);
  if (r.connecting && s.outcome) finish_connect(r);
  if (r.connecting) return;
  const bool readable = s.wire != nullptr && s.wire->readable(s.end);
  if (r.want_receive && !r.input.pending && !has_received && readable) receive_one(r);
  if (r.want_accept) accept_some(r);
  if (r.send_error && !r.want_receive && !r.input.pending) end_input(r, std::exchange(r.send_error, {}));
  if (!r.retiring && errs(r)) end_input(r, s.wire->error(s.end));
}

void sim_poller::finish_connect(registration& r) {
  r.connecting = false;
  const auto outcome = std::exchange(r.watched->outcome, std::nullopt);
  SHOAL_CHECK(outcome.has_value(), "a simulated connect was reported before it had an outcome");
  r.op->connected(*outcome);
}

/// Late ones whose time has come; whether there were bytes, so that one poll brings one receive.
bool sim_poller::acknowledge(registration& r) {
  const auto take = [&](completion& c) {
    if (!c.due) return std::size_t{0};
    if (r.retiring) ++world_.faults.late_data;
    return std::exchange(c, {}).bytes;
  };
  const std::size_t filled = take(r.input);
  if (filled != 0) r.op->input_ack(filled);
  if (const auto sent = take(r.output); sent != 0) r.op->output_ack(sent);
  return filled != 0;
}

void sim_poller::complete_later(registration& r, completion registration::* which, std::size_t bytes) {
  r.*which = {.pending = true, .due = false, .bytes = bytes};
  ++world_.faults.slow_completions;
  world_.time.after(world_.sockets.in(world_.profile.slow_completion_for),
                    [this, which, fd = r.watched->fd, number = r.number] {
                      registration& waiting = registered_.at(fd);  // it can't be let go before
                      SHOAL_ASSERT(waiting.number == number);
                      (waiting.*which).due = true;
                      socket_changed(fd);
                    });
}

void sim_poller::receive_one(registration& r) {
  const auto space = r.op->inputs();
  if (space.empty()) {  // asks again by receive() when there is memory
    r.want_receive = false;
    return;
  }
  const socket& s = *r.watched;
  const auto filled = s.wire->receive(s.end, space);
  ++counters_.receives;
  if (filled && *filled != 0) {
    counters_.received_bytes += *filled;
    if (world_.sockets.happens(world_.profile.slow_completion)) {
      return complete_later(r, &registration::input, *filled);
    }
    return r.op->input_ack(*filled);
  }
  r.op->input_ack(0);
  if (r.retiring) return;
  if (filled) return end_input(r, make_error_code(errc::eof));
  if (is_again(filled.error())) return;
  r.send_error = {};
  end_input(r, filled.error());
}

void sim_poller::send_one(registration& r) {
  std::array<iovec, send_pieces> pieces;
  const std::size_t count = r.op->outputs(pieces);
  if (count == 0) {
    r.want_send = false;
    return;
  }
  std::size_t offered = 0;
  for (std::size_t i = 0; i < count; ++i) offered += pieces[i].iov_len;
  const socket& s = *r.watched;
  const auto sent = s.wire->send(s.end, std::span{pieces}.first(count));
  ++counters_.sends;
  if (!sent && !is_again(sent.error())) {
    r.want_send = false;
    // The peer may have sent its last bytes before it refused ours: they come first.
    if (r.want_receive || r.input.pending) {
      r.send_error = sent.error();
    } else {
      end_input(r, sent.error());
    }
    return;
  }
  const std::size_t taken = sent.value_or(0);
  counters_.sent_bytes += taken;
  if (taken < offered) ++counters_.sends_blocked;
  if (taken == offered && count < send_pieces) r.want_send = false;
  if (taken == 0) return;
  if (world_.sockets.happens(world_.profile.slow_completion)) return complete_later(r, &registration::output, taken);
  r.op->output_ack(taken);
}

void sim_poller::end_input(registration& r, std::error_code reason) {
  r.want_receive = false;
  r.input_ended = true;
  if (reason != errc::eof) {
    r.want_send = false;
    r.dead = true;
  }
  r.op->hung_up(reason);
}

void sim_poller::accept_some(registration& r) {
  for (int i = 0; i < accept_budget && r.want_accept; ++i) {
    const auto taken = machine_.accept_waiting(r.watched->fd);
    if (taken) {
      ++counters_.accepts;
      r.op->accepted(taken->fd, taken->peer.view());
      continue;
    }
    if (taken.error() == std::errc::connection_aborted) continue;  // the next one may be fine
    if (is_again(taken.error())) return;
    ++counters_.accept_errors;
    r.want_accept = false;
    r.op->accept_failed(taken.error());
    return;
  }
}

}  // namespace shoal::sim
