// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/link.hpp>

#include <shoal/buffers/check.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace shoal::sim {
namespace {

// Between two processes of one machine.
constexpr duration local_latency = std::chrono::microseconds{2};
// SO_SNDBUF and SO_RCVBUF below this are raised, as kernels do.
constexpr std::size_t smallest_buffer = 2048;

}  // namespace

link::link(environment& in, const link_options& options)
    : world_(in),
      local_(options.local),
      number_(++in.connections),
      latency_(options.local ? local_latency : in.wire.in(in.profile.latency)) {
  for (const side at : {side::dialler, side::acceptor}) {
    half& one = end(at);
    const std::size_t asked = at == side::dialler ? options.dialler_limit : options.acceptor_limit;
    one.buffer = in.wire.in(in.profile.buffer);
    if (asked != 0) one.buffer = std::min(one.buffer, std::max(asked, smallest_buffer));
    one.window = one.buffer;
    one.last_arrival = in.time.now();
  }
}

void link::watch(side at, socket_watcher* watcher, int fd) noexcept {
  end(at).watcher = watcher;
  end(at).fd = fd;
}

void link::changed(side at) {
  if (half& one = end(at); one.watcher != nullptr) one.watcher->socket_changed(one.fd);
}

template <class What>
void link::later(instant when, What what) {
  world_.time.at(when, [self = shared_from_this(), was_broken = broken_, what = std::move(what)]() mutable {
    if (self->broken_ == was_broken) what(*self);
  });
}

instant link::arrival_at(side to, duration extra) {
  half& there = end(to);
  there.last_arrival = std::max(there.last_arrival + duration{1}, world_.time.now() + latency_ + extra);
  return there.last_arrival;
}

/// Whether the socket takes nothing now.
bool link::is_full(side from) {
  half& here = end(from);
  if (here.full || here.window == 0) return true;
  if (local_ || !world_.sockets.happens(world_.profile.full_buffer)) return false;
  here.full = true;
  world_.time.after(world_.sockets.in(world_.profile.full_buffer_for), [self = shared_from_this(), from] {
    self->end(from).full = false;
    self->changed(from);
  });
  return true;
}

result<std::size_t> link::send(side from, std::span<const iovec> pieces) {
  half& here = end(from);
  SHOAL_ASSERT(!here.closed);
  if (here.error) return fail(here.error);
  if (here.finished || (local_ && end(other(from)).closed)) return fail_errno(EPIPE);
  if (is_full(from)) {
    ++world_.faults.full_buffers;
    return fail_errno(EAGAIN);
  }
  std::size_t offered = 0;
  for (const iovec& piece : pieces) offered += piece.iov_len;
  std::size_t taken = std::min(offered, here.window);
  if (taken > 1 && world_.sockets.happens(world_.profile.short_write)) {
    taken = 1 + static_cast<std::size_t>(world_.sockets.below(taken - 1));
    ++world_.faults.short_writes;
  }
  std::string bytes;
  bytes.reserve(taken);
  for (const iovec& piece : pieces) {
    bytes.append(static_cast<const char*>(piece.iov_base), std::min(piece.iov_len, taken - bytes.size()));
  }
  here.window -= taken;
  world_.note(here.host, trace_event::sent, name(from), taken, hash_bytes(std::as_bytes(std::span{bytes})));
  split(from, std::move(bytes));
  return taken;
}

void link::split(side from, std::string bytes) {
  const side to = other(from);
  if (broken_) return;
  if (local_) return travel(to, std::move(bytes));
  bool first = true;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size =
        std::min(bytes.size() - at, std::max<std::size_t>(world_.wire.in(world_.profile.segment), 1));
    if (!first) ++world_.faults.split_sends;
    first = false;
    travel(to, bytes.substr(at, size));
    at += size;
    if (world_.wire.happens(world_.profile.reset)) return break_down();
  }
}

void link::travel(side to, std::string bytes) {
  const instant when = arrival_at(to, local_ ? duration::zero() : world_.wire.in(world_.profile.jitter));
  later(when, [to, order = ++world_.segments_sent, bytes = std::move(bytes)](link& self) mutable {
    self.arrive(to, std::move(bytes), order);
  });
}

void link::arrive(side to, std::string bytes, std::uint64_t order) {
  half& there = end(to);
  if (order > world_.newest_segment) {
    world_.newest_segment = order;
    world_.newest_from = number_;
  } else if (world_.newest_from != number_) {
    ++world_.faults.reordered;
  }
  world_.note(there.host, trace_event::arrived, name(to), bytes.size());
  if (there.error) return;
  if (there.closed || there.shut) return send_reset(other(to));  // nobody will ever read it
  there.inbox.push_back(std::move(bytes));
  changed(to);
}

result<std::size_t> link::receive(side at, std::span<std::byte> space) {
  half& here = end(at);
  SHOAL_ASSERT(!here.closed && !space.empty());
  if (here.inbox.empty()) {
    if (here.error) return fail(here.error);
    if (here.ended || here.shut) return std::size_t{0};
    return fail_errno(EAGAIN);
  }
  std::size_t most = space.size();
  if (most > 1 && world_.sockets.happens(world_.profile.short_read)) {
    most = 1 + static_cast<std::size_t>(world_.sockets.below(std::min<std::size_t>(most - 1, 100)));
    ++world_.faults.short_reads;
  }
  std::size_t filled = 0;
  for (bool merged = false; filled < most && !here.inbox.empty(); merged = true) {
    const std::string& front = here.inbox.front();
    const std::size_t count =
        front.copy(reinterpret_cast<char*>(space.data()) + filled, most - filled, here.front_read);
    if (merged) ++world_.faults.merged_reads;
    filled += count;
    here.front_read += count;
    if (here.front_read < front.size()) break;
    here.inbox.pop_front();
    here.front_read = 0;
  }
  world_.note(here.host, trace_event::received, name(at), filled, hash_bytes(space.first(filled)));
  const side sender = other(at);
  later(world_.time.now() + latency_, [sender, filled](link& self) { self.open_window(sender, filled); });
  return filled;
}

void link::open_window(side of, std::size_t bytes) {
  half& sender = end(of);
  sender.window += bytes;
  SHOAL_ASSERT(sender.window <= sender.buffer);
  changed(of);
}

void link::finish(side from) {
  half& here = end(from);
  if (here.finished || here.error) return;
  here.finished = true;
  world_.note(here.host, trace_event::finished, name(from));
  if (broken_) return;
  const side to = other(from);
  later(arrival_at(to, duration::zero()), [to](link& self) { self.end_arrives(to); });
}

void link::end_arrives(side to) {
  half& there = end(to);
  if (there.error) return;
  there.ended = true;
  if (!there.finished) ++world_.faults.half_closes;
  changed(to);
}

void link::shut(side at) {
  finish(at);
  end(at).shut = true;
  changed(at);
}

void link::abort(side from) {
  half& here = end(from);
  if (local_) return shut(from);  // unix sockets know no reset
  if (here.error) return;
  world_.note(here.host, trace_event::reset, name(from));
  here.error = {ECONNRESET, std::system_category()};
  here.inbox.clear();
  here.front_read = 0;
  send_reset(other(from));
  changed(from);
}

void link::close(side at) {
  half& here = end(at);
  SHOAL_ASSERT(!here.closed);
  here.closed = true;
  watch(at, nullptr, -1);
  if (here.inbox.empty()) {
    finish(at);
  } else if (!here.error) {
    world_.note(here.host, trace_event::reset, name(at));
    send_reset(other(at));
  }
  here.inbox.clear();
}

void link::send_reset(side to) {
  later(arrival_at(to, duration::zero()), [to](link& self) { self.reset_arrives(to); });
}

void link::reset_arrives(side to) {
  half& there = end(to);
  if (there.error || there.closed) return;
  there.error = {ECONNRESET, std::system_category()};
  changed(to);
}

/// Everything under way is lost; each end hears of it in its own time.
void link::break_down() {
  ++world_.faults.resets;
  world_.note(end(side::dialler).host, trace_event::broken, number_);
  broken_ = true;
  for (const side at : {side::dialler, side::acceptor}) {
    later(arrival_at(at, world_.wire.in(world_.profile.latency)), [at](link& self) { self.reset_arrives(at); });
  }
}

bool link::readable(side at) const noexcept {
  const half& here = ends_[index(at)];
  return !here.inbox.empty() || here.ended || here.shut || here.error;
}

bool link::writable(side at) const noexcept {
  const half& here = ends_[index(at)];
  if (here.error || here.finished) return true;
  // As kernels do: a third of the buffer, so that no one sends byte by byte.
  return !here.full && here.window != 0 && here.window * 3 >= here.buffer;
}

}  // namespace shoal::sim
