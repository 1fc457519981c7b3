// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/matrix_peers.hpp>

#include <shoal/core/random.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/net/dialer.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/writer.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <span>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

// Less than a second in all for the longest text, and far below every timeout of the proxy.
constexpr std::size_t slow_piece = 600;
constexpr duration slow_pause = 20ms;

duration up_to(random_source& random, duration most) {
  return duration{static_cast<duration::rep>(random.below(static_cast<std::uint64_t>(most.count())))};
}

std::string word_for(std::error_code end, bool whole) {
  if (end != errc::eof) return "reset";
  return whole ? "whole" : "end";
}

profile_ptr client_profile(const std::string& how) {
  auto made = make_profile();
  made->name = "client";
  if (how == "slow") made->options.input = {.high = slow_piece, .low = slow_piece / 2};
  return made;
}

task<> send_text(connection& c, const matrix_client& me) {
  random_source random{me.seed};
  // One that resets stops in the middle.
  const std::size_t size = me.how == "resets" ? random.below(me.text.size()) : me.text.size();
  const std::size_t longest = me.how == "slow" ? slow_piece : 4'000;
  for (std::size_t at = 0; at < size;) {
    const std::size_t count = std::min<std::size_t>(1 + random.below(longest), size - at);
    if (!c.output().write_binary(std::as_bytes(std::span{me.text}.subspan(at, count)))) co_return;
    at += count;
    const auto sent = co_await c.flush();
    if (!sent) co_return;
    if (me.how == "slow") co_await sleep_for(up_to(random, slow_pause));
  }
  if (me.how == "half-closes") c.close_write();
  if (me.how != "resets") co_return;
  co_await sleep_for(up_to(random, 20ms));
  c.close(close_how::reset);
}

/// Until everything is back, or an end.
task<std::error_code> receive(connection& c, matrix_client& me) {
  random_source random{me.seed + 1};
  while (true) {
    auto bytes = co_await c.reader().take_all();
    if (!bytes) co_return bytes.error();
    me.received += *bytes->read_string(bytes->len());
    if (me.how == "slow") co_await sleep_for(up_to(random, slow_pause));
    const bool ends_itself = me.how == "well-behaved" || me.how == "slow";
    if (ends_itself && me.received.size() >= me.text.size()) co_return make_error_code(errc::eof);
  }
}

task<> talk(connection& c, matrix_client& me) {
  scope sending{[](const std::exception_ptr&) noexcept { std::terminate(); }};
  if (me.how != "silent") sending.spawn(send_text(c, me));
  auto receiving = receive(c, me);
  const std::error_code end = co_await receiving;
  me.sees = word_for(end, me.received == me.text);
  if (end == errc::closed) me.sees = "itself";
  // That the other side has finished keeps nobody who half-closes from finishing too.
  if (me.how == "half-closes" && end == errc::eof) co_await sending.join();
  c.close(end == errc::eof ? close_how::drain : close_how::reset);
  co_await sending.join();
}

}  // namespace

task<> run_client(matrix_client& me) {
  dialer out{shard::current(), client_profile(me.how)};
  const dial_options options{.timeout = 30s, .tcp = {}, .source = {}};
  auto dialled = co_await out.dial(me.target, options);
  if (!dialled) {
    me.sees = dialled.error().message();
  } else if (me.how == "goes away") {
    // Before the proxy has heard of it, while it connects, or soon after.
    random_source random{me.seed};
    if (random.below(3) != 0) co_await sleep_for(up_to(random, 60ms));
    me.sees = "itself";
    (*dialled)->close(close_how::reset);
  } else {
    auto talking = talk(**dialled, me);
    co_await talking;
  }
  me.done = true;
}

task<> run_endpoint(connection& c, matrix_endpoint& me) {
  const std::size_t number = me.saw.size();
  me.saw.emplace_back("open");
  random_source& random = c.owner().random();
  // The texts that it may get are at least so long: it fails in the middle of one.
  std::size_t left = me.how == "resets" || me.how == "half-closes" ? 1 + random.below(1'000) : SIZE_MAX;
  std::string received;
  while (true) {
    auto bytes = co_await c.reader().take_all();
    if (!bytes) {
      const bool whole = std::ranges::find(me.owed, received) != me.owed.end();
      me.saw[number] = word_for(bytes.error(), whole);
      co_return;  // EOF and all sent: the server closes
    }
    std::string text = *bytes->read_string(bytes->len());
    received += text;
    if (me.how == "cuts off") {
      me.saw[number] = "itself";
      co_return c.close(close_how::reset);
    }
    if (me.how == "slow") co_await sleep_for(up_to(random, slow_pause));
    if (left == 0) continue;  // it has half-closed, and listens on
    text.resize(std::min(text.size(), left));
    if (left != SIZE_MAX) left -= text.size();
    if (!c.output().write_string(text)) co_return;
    const auto sent = co_await c.flush();
    if (!sent || left != 0) continue;
    if (me.how == "half-closes") {
      c.close_write();
    } else {
      me.saw[number] = "itself";
      co_return c.close(close_how::reset);
    }
  }
}

}  // namespace shoal::test
