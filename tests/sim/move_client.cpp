// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/move_client.hpp>

#include <shoal/core/random.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/writer.hpp>

#include <algorithm>
#include <span>

namespace shoal::test {
namespace {

task<> send_all(connection& c, const move_client_plan& plan) {
  random_source random{plan.seed};
  for (std::size_t at = 0; at < plan.text.size();) {
    const std::size_t size = std::min<std::size_t>(1 + random.below(plan.longest_frame), plan.text.size() - at);
    if (!c.output().write_u16_be(static_cast<std::uint16_t>(size))) co_return;
    if (!c.output().write_binary(std::as_bytes(std::span{plan.text}.subspan(at, size)))) co_return;
    at += size;
    auto flushed = c.flush();
    if (random.below(3) == 0) {
      const auto sent = co_await flushed;
      if (!sent) co_return;
    }
    if (random.below(4) == 0) co_await sleep_for(duration{static_cast<duration::rep>(random.below(3'000'000))});
  }
  if (!plan.falls_silent) c.close_write();
}

task<std::error_code> read_message(connection& c, move_client_outcome& outcome, std::array<std::uint32_t, 256>& next) {
  auto reader = c.reader();
  const auto head = co_await reader.read_u16_be();
  if (!head) co_return head.error();
  const unsigned kind = *head >> 8U;
  if (kind == 'E') {
    const auto size = co_await reader.read_u16_be();
    if (!size) co_return size.error();
    auto frame = co_await reader.slice(*size);
    if (!frame) co_return frame.error();
    outcome.received += frame->to_string();
    co_return std::error_code{};
  }
  const auto number = co_await reader.read_u32_be();
  if (!number) co_return number.error();
  if (kind != 'P' || *number != next[*head & 0xffU]++) outcome.out_of_order = true;
  ++outcome.posts;
  co_return std::error_code{};
}

task<> read_all(connection& c, const move_client_plan& plan, move_client_outcome& outcome) {
  std::array<std::uint32_t, 256> next{};
  while (!outcome.end) {
    auto message = read_message(c, outcome, next);
    outcome.end = co_await message;
    c.reader().release();
    if (!outcome.end && plan.quits_after != 0 && outcome.received.size() >= plan.quits_after) {
      outcome.end = make_error_code(errc::closed);
    }
  }
}

}  // namespace

task<> talk(const move_client_plan& plan, move_client_outcome& outcome) {
  auto profile = make_profile();
  profile->name = "client";
  profile->options = plan.options;
  dialer out{shard::current(), profile};
  const dial_options options{.timeout = std::chrono::seconds{20}, .tcp = {}, .source = {}};
  auto dialled = co_await out.dial(plan.target, options);
  if (dialled) {
    connection& c = **dialled;
    scope sending{[](const std::exception_ptr&) noexcept { std::terminate(); }};
    sending.spawn(send_all(c, plan));
    co_await read_all(c, plan, outcome);
    c.close(outcome.end == errc::eof ? close_how::drain : close_how::reset, outcome.end);
    co_await sending.join();
  } else {
    outcome.dial_error = dialled.error();
  }
  outcome.done = true;
}

}  // namespace shoal::test
