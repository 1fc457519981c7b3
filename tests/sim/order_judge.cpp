// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/order_judge.hpp>

#include <tests/sim/order_handlers.hpp>

namespace shoal::test {
namespace {

void judge_hooks(order_record& r, const order_setting& setting) {
  const bool must_open = setting.pace == order_pace::settled || setting.dialled;
  if (must_open && (r.prepared != 1 || r.connected != 1)) r.problem("on_prepare and on_connect did not run");
  if (r.connected != r.disconnected) r.problem("on_connect ran, on_disconnect did not");
  if (r.prepared != 0 && r.callbacks != 3) r.problem("close callbacks are missing");
  if (r.in_handler) r.problem("a handler never returned");
  if (r.live != nullptr) r.problem("the connection never ended");
  if (r.calls_to_waits != r.ends_of_waits) r.problem("a wait never ended");
  // One call per message, one for each piece that came, and one at the end; twice that when time-outs come between.
  std::size_t most = 1 + 2 * (r.sent.size() / order_message + r.script.size());
  if (setting.network_is_perfect && static_cast<std::size_t>(r.requests) > most) r.problem("on_request runs too often");
}

void judge_reason(order_record& r, const order_setting& setting) {
  if (r.connected == 0) return;
  const auto expected = setting.is_exact() ? expect_in_order(setting.style, setting.dialled, r.script)
                                           : expect_in_any_order(setting.style, r.script);
  const order_outcomes reason = outcome_of(r.reason);
  if ((reason & expected.reasons) == 0) {
    r.problem("on_disconnect was told " + to_string(reason) + ", not " + to_string(expected.reasons));
  }
  if ((r.waits & ~expected.waits) != 0) {
    r.problem("waits ended with " + to_string(r.waits) + ", allowed is " + to_string(expected.waits));
  }
  // Beside what may end a wait while the connection lives on, there is only the reason of its end.
  if ((r.waits & ~(reason | is_eof | is_read_timeout | is_closed)) != 0 ||
      ((r.waits & ~reason & is_closed) != 0 && !r.finished_writing)) {
    r.problem("waits ended with " + to_string(r.waits) + ", the connection with " + to_string(reason));
  }
  if ((expected.must & ~r.waits) != 0) {
    r.problem("waits ended with " + to_string(r.waits) + ", missing is " + to_string(expected.must & ~r.waits));
  }
}

/// Nothing is invented, and an orderly end comes after everything.
void judge_bytes(order_record& r, const order_setting& setting) {
  if (!r.sent.starts_with(r.received)) r.problem("the handler got bytes that nobody sent");
  if (!r.written.starts_with(r.got)) r.problem("the peer got bytes that nobody sent");
  if (r.saw_end && !r.saw_error && r.got != r.written) r.problem("the peer saw the end before the last byte");
  const order_outcomes reason = outcome_of(r.reason);
  const bool drained = (reason & (is_closed | is_eof | is_idle_timeout | is_half_closed_timeout)) != 0;
  // A reset says nothing of the kind. One that throws after its close turns it into a reset; a peer that reads nothing
  // is given up.
  if (setting.close == close_how::reset && reason == is_closed) return;
  if (r.connected == 0 || !drained || r.peer_reset || r.throws != 0 || setting.style == order_style::writer) return;
  if (setting.network_is_perfect && !r.saw_end) r.problem("the peer did not see the orderly end");
  if (setting.network_is_perfect && r.got != r.written) r.problem("bytes before an orderly close did not arrive");
}

}  // namespace

void judge(order_record& r, const order_setting& setting) {
  judge_hooks(r, setting);
  judge_reason(r, setting);
  judge_bytes(r, setting);
}

}  // namespace shoal::test
