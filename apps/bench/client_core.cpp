// SPDX-License-Identifier: Apache-2.0
#include "bench/client_core.hpp"

#include <shoal/core/shard.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/net/dialer.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/writer.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <limits>

namespace bench {
namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();
constexpr shoal::duration connect_pause = std::chrono::milliseconds{100};  // between attempts

/// Timers may fire a tick late and the wake-up takes its time: the rest of the wait is turns of the loop.
constexpr shoal::duration spin_before = 2 * shoal::timer_wheel::resolution;

/// The share of `whole` that part number `index` of `parts` gets.
std::uint64_t share_of(std::uint64_t whole, std::size_t index, std::size_t parts) {
  return whole / parts + (index < whole % parts ? 1 : 0);
}

}  // namespace

client_core::client_core(load& whole, std::size_t index, std::size_t cores)
    : whole_(whole),
      index_(index),
      cores_(cores),
      slots_(whole.wanted().arrivals, std::max(whole.wanted().rate, 0.001), index, cores, whole.wanted().seed),
      left_(whole.wanted().requests == 0 ? no_limit : share_of(whole.wanted().requests, index, cores)),
      clients_([](const std::exception_ptr&) noexcept { std::terminate(); }) {}

void client_core::start(shoal::shard&) {
  const std::uint64_t mine = share_of(whole_.wanted().connections, index_, cores_);
  open_ = mine;
  for (std::uint64_t i = 0; i < mine; ++i) clients_.spawn(run_connection(i * cores_ + index_));
}

shoal::task<> client_core::run_connection(std::uint64_t number) {
  auto profile = shoal::make_profile();
  profile->name = "bench";
  profile->options.timeouts.read = whole_.wanted().timeout;
  profile->options.timeouts.idle = shoal::duration::zero();  // low rates leave connections alone for long
  profile->options.max_message = std::max<std::size_t>(whole_.wanted().size, profile->options.max_message);
  profile->options.input.high = std::max<std::size_t>(2 * profile->options.max_message, profile->options.input.high);
  shoal::dialer out{shoal::shard::current(), std::move(profile)};
  shoal::dial_options how;
  how.timeout = whole_.wanted().timeout;
  how.stop = clients_.stop_token();
  // Its own number, a place for that of the request, and bytes that no other connection sends.
  std::vector<std::byte> frame(whole_.wanted().size, static_cast<std::byte>('a' + number % 26));
  std::memcpy(frame.data(), &number, sizeof number);
  shoal::instant give_up = whole_.now() + whole_.wanted().timeout;
  while (!over(whole_.now())) {
    auto dialled = co_await out.dial(whole_.wanted().target, how);
    if (dialled) {
      ++seen_.established;
      co_await talk(**dialled, frame);
      give_up = whole_.now() + whole_.wanted().timeout;
    } else {
      ++seen_.errors.connect;
      if (whole_.now() >= give_up) break;
      static_cast<void>(co_await shoal::sleep_for(connect_pause, clients_.stop_token()));
    }
  }
  connection_ended();
}

/// Asks until the run is over or the connection is.
shoal::task<> client_core::talk(shoal::connection& c, std::vector<std::byte>& frame) {
  for (;;) {
    request r;
    const auto due = next_due();
    if (!due) break;
    r.due = *due;
    r.counts = claim(r.due);
    r.ready = std::max(r.due, whole_.now());
    if (r.ready - r.due > whole_.wanted().timeout) {
      if (r.counts) note_unsent();
      continue;
    }
    co_await wait_until(r.due);
    outcome out = outcome::reset;
    co_await ask(c, frame, r, out);
    if (out != outcome::right) {
      ++seen_.lost;
      c.close(shoal::close_how::reset);
      co_return;
    }
  }
  c.close(shoal::close_how::drain);
}

shoal::task<> client_core::ask(shoal::connection& c, std::vector<std::byte>& frame, request& r, outcome& out) {
  const std::uint64_t number = ++next_frame_;
  std::memcpy(frame.data() + sizeof number, &number, sizeof number);
  note_sent(r);
  if (c.output().write_binary(frame)) {
    c.flush();
    const auto answer = co_await c.reader().next(frame.size());
    if (answer) {
      out = std::ranges::equal(*answer, frame) ? outcome::right : outcome::mismatch;
      c.reader().release();
    } else if (answer.error() == shoal::errc::read_timeout) {
      out = outcome::timeout;
    }
  }
  note_end(r, out);
}

shoal::task<> client_core::wait_until(shoal::instant due) {
  const shoal::instant now = whole_.now();
  if (due - now > spin_before) {
    static_cast<void>(co_await shoal::sleep_for(due - now - spin_before, clients_.stop_token()));
  }
  shoal::instant before = whole_.now();
  std::uint64_t seen = events_;
  while (before < due && !whole_.is_stopping()) {
    shoal::yield turn;
    co_await turn;
    const shoal::instant after = whole_.now();
    if (events_ == seen && before >= whole_.begin()) {
      // Several may wait like this at once; time is counted once.
      spun_ += std::max(after - std::max(before, spun_until_), shoal::duration::zero());
      spun_until_ = std::max(spun_until_, after);
    }
    seen = events_;
    before = after;
  }
}

/// The intended start of the next request; nothing when the run is over.
std::optional<shoal::instant> client_core::next_due() {
  if (whole_.is_stopping() || left_ == 0) return std::nullopt;
  if (whole_.wanted().rate > 0) {
    const shoal::instant due = whole_.begin() - whole_.wanted().warmup + shoal::duration{slots_.next()};
    if (due >= whole_.end()) return std::nullopt;
    return due;
  }
  const shoal::instant now = whole_.now();
  if (over(now)) return std::nullopt;
  return now;
}

bool client_core::over(shoal::instant now) const noexcept {
  return now >= whole_.end() || left_ == 0 || whole_.is_stopping();
}

/// Whether a request belongs to the measurement; counts it against the number that was asked for.
bool client_core::claim(shoal::instant due) {
  if (due < whole_.begin() || due >= whole_.end() || left_ == 0) return false;
  if (left_ != no_limit) --left_;
  ++seen_.planned;
  return true;
}

void client_core::in_flight_changes(int by) {
  const shoal::instant now = std::min(whole_.now(), whole_.end());
  const shoal::instant since = std::max(in_flight_since_, whole_.begin());
  if (now > since) seen_.in_flight_ns += static_cast<double>(in_flight_) * static_cast<double>((now - since).count());
  in_flight_since_ = now;
  in_flight_ += static_cast<std::uint64_t>(by);
}

void client_core::note_sent(request& r) {
  ++events_;
  r.sent = whole_.now();
  in_flight_changes(1);
  note_busy();
  if (!r.counts) return;
  if (r.sent >= whole_.end() && r.ready < whole_.end()) ++seen_.late;
  seen_.lag.record((r.sent - r.ready).count());
}

void client_core::note_end(const request& r, outcome out) {
  ++events_;
  in_flight_changes(-1);
  note_busy();
  if (!r.counts) return;
  const shoal::instant now = whole_.now();
  seen_.latency.record((now - r.due).count());
  seen_.service.record((now - r.sent).count());
  const std::int64_t at = (now - whole_.begin()).count();
  seen_.last_answer = std::max(seen_.last_answer, at);
  switch (out) {
    case outcome::mismatch: ++seen_.errors.mismatch; return;
    case outcome::timeout: ++seen_.errors.timeout; return;
    case outcome::reset: ++seen_.errors.reset; return;
    case outcome::right: break;
  }
  ++seen_.right;
  if (now < whole_.end()) ++seen_.in_time;
  const auto slot = static_cast<std::size_t>(at / interval);
  if (seen_.right_in.size() <= slot) seen_.right_in.resize(slot + 1);
  ++seen_.right_in[slot];
}

void client_core::note_unsent() {
  ++seen_.errors.timeout;
  seen_.latency.record(whole_.wanted().timeout.count());
}

void client_core::note_busy() {
  const shoal::instant now = whole_.now();
  if (now < whole_.begin() || now > whole_.end()) return;
  const shoal::duration busy = shoal::shard::current().load().at(now).busy_time;
  if (!busy_at_begin_) busy_at_begin_ = busy;
  seen_.busy_ns = static_cast<double>(std::max(busy - *busy_at_begin_ - spun_, shoal::duration::zero()).count());
}

void client_core::connection_ended() {
  if (--open_ > 0) return;
  // Nobody is left for the slots that remain: they were asked for, and did not happen.
  while (whole_.wanted().rate > 0) {
    const auto due = next_due();
    if (!due) break;
    if (claim(*due)) note_unsent();
  }
  whole_.core_is_done();
}

}  // namespace bench
