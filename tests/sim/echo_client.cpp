// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/echo_client.hpp>

#include <shoal/core/scope.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/writer.hpp>

#include <algorithm>
#include <span>

namespace shoal::test {
namespace {

shard_id where_it_runs() { return shard::current().id(); }

/// Sends all of it, sometimes waiting for the kernel, sometimes resting, then the end.
task<> send_all(connection& c, const client_plan& plan) {
  random_source random{plan.seed};
  for (std::size_t at = 0; at < plan.text.size();) {
    const auto portion = std::span{plan.text}.subspan(at, std::min(plan.portion, plan.text.size() - at));
    at += portion.size();
    if (!c.output().write_binary(std::as_bytes(portion))) co_return;
    auto flushed = c.flush();
    if (random.below(4) != 0) {
      const auto sent = co_await flushed;
      if (!sent) co_return;
    }
    if (random.below(8) == 0) co_await sleep_for(duration{static_cast<duration::rep>(random.below(5'000'000))});
  }
  c.close_write();
}

task<> read_all(connection& c, const client_plan& plan, client_outcome& outcome) {
  while (!outcome.end) {
    auto bytes = co_await c.reader().take_all();
    if (bytes) {
      outcome.received += *bytes->read_string(bytes->len());
    } else {
      outcome.end = bytes.error();
    }
    if (!outcome.end && plan.quits_after != 0 && outcome.received.size() >= plan.quits_after) {
      outcome.end = make_error_code(errc::closed);
    }
  }
}

}  // namespace

task<> talk(const client_plan& plan, client_outcome& outcome) {
  auto profile = make_profile();
  profile->name = "client";
  profile->options = plan.options;
  dialer out{shard::current(), std::move(profile)};
  auto dialled = co_await out.dial(plan.target, plan.dial);
  if (dialled) {
    connection& c = **dialled;
    if (const auto own = c.local(); own) outcome.port = own->port();
    scope sending{[](const std::exception_ptr&) noexcept { std::terminate(); }};
    sending.spawn(send_all(c, plan));
    co_await read_all(c, plan, outcome);
    // Whoever still sends hears of the end by the close.
    c.close(outcome.end == errc::eof ? close_how::drain : close_how::reset, outcome.end);
    co_await sending.join();
  } else {
    outcome.dial_error = dialled.error();
  }
  // A message there and back, whatever the connection met.
  const auto next = static_cast<shard_id>((shard::current().id() + 1U) % 4U);
  const shard_id answered = co_await submit_to(next, &where_it_runs);
  outcome.done = answered == next;
}

}  // namespace shoal::test
