// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/order_model.hpp>

#include <shoal/buffers/errc.hpp>

#include <algorithm>
#include <utility>

namespace shoal::test {
namespace {

constexpr std::size_t message_size = 4;
constexpr std::size_t portion = 3;

/// Where the handler is.
enum class place : std::uint8_t { nowhere, starting, reading, read, to_write, writing, wrote, elsewhere };

class machine {
 public:
  machine(order_style style, bool dialled) : style_(style), dialled_(dialled) {
    if (style == order_style::session) where_ = place::reading;
    if (style == order_style::writer) where_ = place::writing;
    if (style == order_style::slow) go_elsewhere(place::nowhere);
  }

  void step(order_event event) {
    if (!open_) return;
    switch (event) {
      case order_event::data: return arrive(portion);
      case order_event::half_close: return half_close();
      case order_event::reset: return end(is_reset);
      case order_event::close: return end(is_closed);
      case order_event::close_write: our_end_ = true; return;
      case order_event::timeout: return time_passes();
      case order_event::exception: throws_ = true; return arrive(message_size);
      case order_event::suspend: return suspend();
      case order_event::stop: return stop();
    }
  }

  order_expectation finish() {
    if (open_) {
      suspends_ = false;
      if (where_ == place::elsewhere) come_back();
    }
    if (open_) stop();
    if (open_) time_passes();
    return found_;
  }

 private:
  void go_elsewhere(place back) {
    where_ = place::elsewhere;
    back_to_ = back;
  }
  void come_back() {
    where_ = back_to_;
    if (pass()) run();
  }

  void end(order_outcomes reason) {
    if (!open_) return;
    open_ = false;
    found_.reasons = reason;
    // Whoever waits is told why; whoever comes later too.
    found_.waits |= reason;
    if (where_ == place::reading || where_ == place::writing) found_.must |= reason;
  }
  void note(order_outcome outcome) {
    last_ = outcome;
    found_.waits |= outcome;
    found_.must |= outcome;
  }

  void arrive(std::size_t bytes) {
    if (style_ == order_style::writer) return peer_reads();
    if (!peer_ended_) {
      unread_ += bytes;
      fresh_ = true;
    }
    run();
  }
  /// All that is queued, so who waits for that goes on.
  void peer_reads() {
    if (where_ == place::writing) where_ = place::wrote;
    run();
  }
  void half_close() {
    peer_ended_ = true;
    run();
  }
  void suspend() {
    if (where_ == place::elsewhere) return come_back();
    suspends_ = true;
    arrive(message_size);
  }
  void stop() {
    if (stopping_) return;
    stopping_ = true;
    if (dialled_) return end(is_stopped);  // nobody drains it
    settle();
  }
  void time_passes() {
    if (where_ == place::writing) return end(is_write_timeout);
    if (where_ == place::reading) {
      note(is_read_timeout);
      where_ = place::read;
      run();
    }
    const bool has_idle_timeout = style_ == order_style::plain || style_ == order_style::slow;
    if (stopping_) return end(is_stopped);
    if (has_idle_timeout) return end(is_idle_timeout);
    if (peer_ended_ || our_end_) end(is_half_closed_timeout);
  }

  /// What the handler does when control comes to it: false when it goes no further.
  bool pass() {
    const bool is_function = style_ == order_style::plain || style_ == order_style::slow;
    if (std::exchange(throws_, false)) {
      where_ = place::nowhere;
      end(is_handler_failed);
      return false;
    }
    if (!is_function && std::exchange(suspends_, false)) {
      go_elsewhere(where_);
      return false;
    }
    return true;
  }

  void run() {
    while (open_ && advance()) {
    }
    settle();
  }

  bool advance() {
    switch (where_) {
      case place::elsewhere: return false;
      case place::nowhere: return call();
      case place::starting: return pass() && begin();
      case place::reading: return read();
      case place::read: return pass() && after_read();
      case place::to_write: return write();
      case place::writing: return false;
      case place::wrote: return pass() && after_write();
    }
    return false;
  }

  [[nodiscard]] bool is_session() const { return style_ == order_style::session || style_ == order_style::writer; }

  bool call() {
    const bool is_final = peer_ended_ && !final_call_made_;
    if (is_session() || unread_ == 0 || !(fresh_ || is_final)) return false;
    fresh_ = false;
    if (peer_ended_) final_call_made_ = true;
    where_ = place::starting;
    return true;
  }
  bool begin() {
    if (style_ == order_style::message) {
      where_ = place::reading;
      return true;
    }
    take(unread_ - unread_ % message_size);
    where_ = place::nowhere;
    return true;
  }
  void take(std::size_t bytes) {
    if (bytes == 0) return;
    unread_ -= bytes;
    fresh_ = true;
    final_call_made_ = false;
  }
  bool read() {
    if (unread_ >= message_size) {
      take(message_size);
      last_ = 0;
    } else if (peer_ended_) {
      note(is_eof);
    } else {
      return false;
    }
    where_ = place::read;
    return true;
  }
  bool after_read() {
    const bool again = style_ == order_style::session && last_ == is_read_timeout;
    where_ = last_ == 0 ? place::to_write : again ? place::reading : place::nowhere;
    return !again;  // time that passes may end this wait once more, which changes nothing
  }
  /// The peer reads all answers; what a writer writes it leaves where it is.
  bool write() {
    last_ = 0;
    if (our_end_) {
      note(is_closed);
    } else if (style_ == order_style::writer) {
      where_ = place::writing;
      return false;
    }
    where_ = place::wrote;
    return true;
  }
  bool after_write() {
    const bool failed = last_ != 0;
    if (style_ == order_style::message || failed) {
      where_ = place::nowhere;
    } else {
      where_ = style_ == order_style::writer ? place::to_write : place::reading;
    }
    return true;
  }

  /// Over by itself?
  void settle() {
    if (!open_ || where_ != place::nowhere) return;
    const bool nothing_to_call = is_session() || unread_ == 0;
    order_outcomes over = 0;
    if (peer_ended_ && (nothing_to_call || final_call_made_)) over |= is_eof;
    if (stopping_ && nothing_to_call) over |= is_stopped;
    if (over != 0) end(over);
  }

  const order_style style_;
  const bool dialled_;
  bool open_ = true;
  bool peer_ended_ = false;
  bool our_end_ = false;
  bool stopping_ = false;
  bool throws_ = false;
  bool suspends_ = false;
  bool fresh_ = false;
  bool final_call_made_ = false;
  std::size_t unread_ = 0;
  place where_ = place::nowhere;
  place back_to_ = place::nowhere;
  order_outcomes last_ = 0;
  order_expectation found_;
};

}  // namespace

order_outcome outcome_of(std::error_code error) {
  if (error == errc::closed) return is_closed;
  if (error == errc::eof) return is_eof;
  if (error == errc::read_timeout) return is_read_timeout;
  if (error == errc::write_timeout) return is_write_timeout;
  if (error == errc::idle_timeout) return is_idle_timeout;
  if (error == errc::half_closed_timeout) return is_half_closed_timeout;
  if (error == errc::handler_failed) return is_handler_failed;
  if (error == errc::stopped) return is_stopped;
  return error == std::errc::connection_reset ? is_reset : is_something_else;
}

std::string to_string(order_outcomes set) {
  constexpr std::array names{
      "closed",         "eof",     "read_timeout",  "write_timeout", "idle_timeout", "half_closed_timeout", "reset",
      "handler_failed", "stopped", "something else"};
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if ((set & (1U << i)) != 0) text += (text.empty() ? "" : " or ") + std::string{names[i]};
  }
  return text.empty() ? "nothing" : text;
}

order_expectation expect_in_order(order_style style, bool dialled, const order_script& script) {
  machine m{style, dialled};
  for (const order_event event : script) m.step(event);
  return m.finish();
}

order_expectation expect_in_any_order(order_style style, const order_script& script) {
  const auto has = [&](order_event event) { return std::ranges::find(script, event) != script.end(); };
  order_outcomes all = is_stopped;
  if (has(order_event::half_close)) all |= is_eof;
  if (has(order_event::reset)) all |= is_reset;
  if (has(order_event::close)) all |= is_closed;
  if (has(order_event::exception)) all |= is_handler_failed;
  if (style == order_style::writer) all |= is_write_timeout;
  if (has(order_event::timeout)) {
    const bool idle = style == order_style::plain || style == order_style::slow;
    if (idle) all |= is_idle_timeout;
    if (!idle && (has(order_event::half_close) || has(order_event::close_write))) all |= is_half_closed_timeout;
  }
  order_expectation found{.reasons = all, .waits = all | is_read_timeout};
  if (has(order_event::close_write)) found.waits |= is_closed;
  return found;
}

}  // namespace shoal::test
