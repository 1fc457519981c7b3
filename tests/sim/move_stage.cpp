// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/move_stage.hpp>

#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/writer.hpp>

#include <algorithm>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

task<> linger(duration time) { co_await sleep_for(time); }
task<> take_place(shard_id to, duration time) { co_await submit_to(to, &linger, time); }

}  // namespace

runtime_options quiet_runtime(log_collector& lines) {
  runtime_options made;
  made.shards.shards = move_shards;
  made.shards.memory_per_shard = std::size_t{8} << 20U;
  made.drain_timeout = 2s;
  made.log.collector = &lines;
  return made;
}

void echo_frames(connection& c) {
  for (;;) {
    const auto head = c.input().peek(2);
    if (!head) break;
    const std::size_t size = load<std::uint16_t, std::endian::big>(head->data());
    if (c.input().len() < 2 + size) break;
    static_cast<void>(c.input().skip(2));
    auto frame = c.input().take(size);
    static_cast<void>(c.output().write_u16_be('E' << 8U));
    static_cast<void>(c.output().write_u16_be(static_cast<std::uint16_t>(size)));
    static_cast<void>(c.output().append(std::move(*frame)));
  }
  c.flush();
}

task<> echo_one_frame(connection& c) {
  auto reader = c.reader();
  const auto size = co_await reader.read_u16_be();
  if (!size) co_return;
  auto frame = co_await reader.slice(*size);
  if (!frame) co_return;
  if (!c.output().write_u16_be('E' << 8U) || !c.output().write_u16_be(*size)) co_return;
  if (c.output().append(std::move(*frame))) c.flush();
}

void fill_lane(shard_id to, duration time) {
  if (to == shard::current().id()) return;
  for (unsigned i = 0; i < lane_capacity; ++i) {
    shard::current().local<background>().tasks.spawn(take_place(to, time));
  }
}

void move_clients::add(random_source& choice, const address& target, const connection_options& options, bool mishaps) {
  move_client_plan& plan = plans_.emplace_back();
  plan.target = target;
  plan.options = options;
  plan.text.resize(1 + choice.below(choice.below(8) == 0 ? 60'000 : 6'000));
  for (char& c : plan.text) c = static_cast<char>(choice());
  plan.longest_frame = 1 + choice.below(2'000);
  plan.seed = choice();
  if (mishaps && choice.below(8) == 0) plan.quits_after = 1 + choice.below(plan.text.size());
  plan.falls_silent = mishaps && choice.below(8) == 0;
  outcomes_.emplace_back();
}

void move_clients::start(runtime& side) {
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    on(side, static_cast<shard_id>(i % move_shards),
       [this, i] { shard::current().local<background>().tasks.spawn(talk(plans_[i], outcomes_[i])); });
  }
}

bool move_clients::all_done() const { return std::ranges::all_of(outcomes_, &move_client_outcome::done); }

void move_clients::judge(move_outcome& outcome) const {
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    const move_client_outcome& client = outcomes_[i];
    const auto problem = [&](const std::string& what) {
      outcome.problems.push_back("client " + std::to_string(i) + ' ' + what);
    };
    ++outcome.dialled;
    outcome.posts += client.posts;
    if (client.dial_error) continue;
    if (client.out_of_order) problem("got posts out of order");
    if (!plans_[i].text.starts_with(client.received)) problem("got bytes that it did not send, or shuffled");
    if (client.end == errc::write_timeout || client.end == errc::idle_timeout) problem("was stuck");
    if (client.received.size() == plans_[i].text.size() && client.end == errc::eof) ++outcome.whole;
  }
}

void stop_side(runtime& side, move_outcome& outcome) {
  side.stop();
  side.wait();
  for (const auto& report : side.reports()) {
    if (report.fds != 0 || report.blocks != 0 || report.timers != 0) {
      outcome.problems.emplace_back("a shard left something over");
    }
    outcome.full_lanes += report.mail.lane_full;
  }
}

}  // namespace shoal::test
