// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/order_handlers.hpp>

#include <shoal/net/filter.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/writer.hpp>

#include <memory>
#include <stdexcept>
#include <utility>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

/// Changes nothing, so that the peers need none.
class empty_filter final : public filter {
 public:
  std::error_code decode(link_buffer& raw, link_buffer& plain, bool) override { return move(raw, plain); }
  std::error_code encode(link_buffer& plain, link_buffer& raw) override { return move(plain, raw); }

 private:
  static std::error_code move(link_buffer& from, link_buffer& to) {
    const auto moved = to.append(from.take_all());
    if (!moved) return moved.error();
    const auto committed = to.commit();
    return committed ? std::error_code{} : committed.error();
  }
};

/// Waits for nothing that has to do with the connection.
struct elsewhere_wait : resume_item {
  explicit elsewhere_wait(order_record& r) noexcept : record(r) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    waiting = handle;
    record.elsewhere = this;
  }
  void await_resume() const noexcept {}
  order_record& record;
};

/// A hook is at work, and no other one may be.
class at_work {
 public:
  explicit at_work(order_record& r) : record_(r) {
    if (std::exchange(r.in_handler, true)) r.problem("two handlers at the same time");
    if (r.disconnected != 0) r.problem("a handler after on_disconnect");
  }
  at_work(const at_work&) = delete;
  at_work& operator=(const at_work&) = delete;
  ~at_work() { record_.in_handler = false; }

 private:
  order_record& record_;
};

/// What the handler itself does to its connection.
void act_as_asked(order_record& r) {
  if (r.live == nullptr) return;
  if (std::exchange(r.finishes_next, false)) {
    r.finished_writing = true;
    r.live->close_write();
  }
  if (std::exchange(r.closes_next, false)) r.live->close(r.how);
}

void throw_if_asked(order_record& r) {
  act_as_asked(r);
  if (!std::exchange(r.throws_next, false)) return;
  ++r.throws;
  throw std::runtime_error("as the script says");
}

/// Between any two steps of a handler: here it throws, and from here it goes elsewhere.
task<> pass(order_record& r) {
  throw_if_asked(r);
  while (std::exchange(r.suspends_next, false)) {
    elsewhere_wait wait{r};
    co_await wait;
    throw_if_asked(r);
  }
}

void note_wait(order_record& r, std::error_code error) {
  ++r.ends_of_waits;
  if (error) r.waits |= outcome_of(error);
}

/// Writes, and remembers what the connection took.
flush_awaiter put(order_record& r, connection& c, std::string_view bytes) {
  const bool taken = c.is_active() && !r.finished_writing;
  static_cast<void>(c.output().write_string(bytes));
  if (taken) r.written += bytes;
  return c.flush();
}

void answer_all(order_record& r, connection& c) {
  const at_work here{r};
  ++r.requests;
  throw_if_asked(r);
  while (c.input().len() >= order_message) {
    const auto text = *c.input().read_string(order_message);
    r.received += text;
    static_cast<void>(put(r, c, text));
  }
}

/// Waits for one message and for its answer to have left.
task<std::error_code> answer_one(order_record& r, connection& c) {
  ++r.calls_to_waits;
  const auto text = co_await c.reader().read_string(order_message);
  note_wait(r, text ? std::error_code{} : text.error());
  if (text) r.received += *text;
  co_await pass(r);
  if (!text) co_return text.error();
  ++r.calls_to_waits;
  const auto left = co_await put(r, c, *text);
  note_wait(r, left ? std::error_code{} : left.error());
  if (left && c.bytes_sent() != r.written.size()) r.problem("a writer woke before his bytes had left");
  co_await pass(r);
  co_return left ? std::error_code{} : left.error();
}

task<> message(order_record& r, connection& c) {
  const at_work here{r};
  ++r.requests;
  co_await pass(r);
  static_cast<void>(co_await answer_one(r, c));
}

task<> session(order_record& r, connection& c) {
  const at_work here{r};
  std::error_code error;
  while (!error || error == errc::read_timeout) error = co_await answer_one(r, c);
}

task<> write_for_ever(order_record& r, connection& c) {
  const at_work here{r};
  for (char mark = 'a';; mark = mark == 'z' ? 'a' : static_cast<char>(mark + 1)) {
    flush_awaiter flushed = put(r, c, std::string(order_chunk, mark));
    flush_awaiter room = c.writer().room();
    ++r.calls_to_waits;
    result<void> left;
    if (r.waits_for_room) {
      left = co_await room;
    } else {
      left = co_await flushed;
    }
    note_wait(r, left ? std::error_code{} : left.error());
    const std::size_t queued = r.written.size() - c.bytes_sent();
    if (left && queued > (r.waits_for_room ? order_high - 1 : 0)) r.problem("a writer woke before his bytes had left");
    co_await pass(r);
    if (!left) co_return;
  }
}

task<> wait_elsewhere(order_record& r) {
  const at_work here{r};
  r.suspends_next = true;
  co_await pass(r);
}

void note_prepare(order_record& r, connection& c) {
  if (r.prepared++ != 0 || r.connected != 0) r.problem("on_prepare again, or late");
  r.live = &c;
  const auto add = [&r, &c](int place_from_the_end) {
    c.add_close_callback([&r, place_from_the_end](connection&) {
      if (r.callbacks++ != place_from_the_end) r.problem("close callbacks in the wrong order");
      if (r.in_handler) r.problem("a close callback before the handler has returned");
      if (r.disconnected == 0 && r.connected != 0) r.problem("a close callback before on_disconnect");
      if (place_from_the_end == 2) r.live = nullptr;
    });
  };
  for (const int at : {2, 1, 0}) add(at);
}

void note_connect(order_record& r, connection& c) {
  if (r.connected++ != 0) r.problem("on_connect twice");
  if (r.prepared != 1) r.problem("on_connect without on_prepare");
  r.token = c.stop_token();
}

void note_disconnect(order_record& r, connection& c, std::error_code reason) {
  if (r.disconnected++ != 0) r.problem("on_disconnect twice");
  if (r.connected != 1) r.problem("on_disconnect without on_connect");
  if (r.in_handler) r.problem("on_disconnect before the handler has returned");
  if (r.callbacks != 0) r.problem("on_disconnect after a close callback");
  if (r.calls_to_waits != r.ends_of_waits) r.problem("on_disconnect, and a wait has not ended");
  if (!r.token.stop_requested()) r.problem("closed, and the stop token was not requested");
  if (c.is_active()) r.problem("on_disconnect of an active connection");
  r.reason = reason;
  // All too late, and harmless.
  c.close();
  c.close_write();
  c.close(close_how::reset, make_error_code(errc::cancelled));
  if (c.flush().await_resume()) r.problem("a flush after the end succeeded");
  if (c.reason() != reason) r.problem("a close after the end changed its reason");
}

handler on_connect_of(order_style style, const order_lookup& lookup) {
  switch (style) {
    case order_style::session:
      return [lookup](connection& c) {
        order_record& r = lookup(c);
        note_connect(r, c);
        return session(r, c);
      };
    case order_style::writer:
      return [lookup](connection& c) {
        order_record& r = lookup(c);
        note_connect(r, c);
        return write_for_ever(r, c);
      };
    case order_style::slow:
      return [lookup](connection& c) {
        order_record& r = lookup(c);
        note_connect(r, c);
        return wait_elsewhere(r);
      };
    default:
      return [lookup](connection& c) {
        order_record& r = lookup(c);
        note_connect(r, c);
        const at_work here{r};
      };
  }
}

}  // namespace

connection_hooks order_hooks(order_style style, order_lookup lookup) {
  connection_hooks hooks;
  hooks.on_prepare = [lookup](connection& c) { note_prepare(lookup(c), c); };
  hooks.on_connect = on_connect_of(style, lookup);
  if (style == order_style::plain || style == order_style::slow) {
    hooks.on_request = [lookup](connection& c) { answer_all(lookup(c), c); };
  } else if (style == order_style::message) {
    hooks.on_request = [lookup](connection& c) { return message(lookup(c), c); };
  }
  hooks.on_disconnect = [lookup](connection& c, std::error_code reason) { note_disconnect(lookup(c), c, reason); };
  return hooks;
}

connection_options order_options(order_style style, bool filtered) {
  const bool by_idle = style == order_style::plain || style == order_style::slow;
  connection_options options;
  options.timeouts = {.read = 1s,
                      .write = 2s,
                      .idle = by_idle ? duration{5s} : duration::zero(),
                      .half_closed = by_idle ? duration::zero() : duration{5s},
                      .linger = 500ms};
  if (filtered) options.make_filter = [] { return std::make_unique<empty_filter>(); };
  if (style == order_style::writer) options.output = {.high = order_high, .low = order_chunk};
  return options;
}

}  // namespace shoal::test
