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

void take_all_places(shard_id to, duration time) {
  if (to == shard::current().id()) return;
  for (unsigned i = 0; i < lane_capacity; ++i) {
    shard::current().local<background>().tasks.spawn(take_place(to, time));
  }
}

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

move_stage::move_stage(std::uint64_t seed, const move_setting& setting)
    : choice_(seed), mishaps_(setting.mishaps), world_(seed, setting.profile) {}

std::shared_ptr<sim::sim_host> move_stage::add_host(const std::string& where) {
  return hosts_.emplace_back(world_.add_host(where));
}

move_outcome move_stage::play(runtime& moving, runtime& talking, runtime* behind) {
  for (runtime* side : {behind, &moving, &talking}) {
    if (side == nullptr || side->start()) continue;
    problem("a runtime did not start");
    return std::move(outcome_);
  }
  clients_.start(talking);
  meddle();
  if (mishaps_ && choice_.below(4) == 0) world_.after(1ms * choice_.below(300), [&moving] { moving.stop(); });
  if (!world_.run_until([this] { return clients_.all_done(); }, 30min)) problem("a client waits for ever");
  meddling_ = false;
  outcome_.moves = moves();
  for (runtime* side : {&moving, &talking, behind}) {
    if (side != nullptr) stop(*side);
  }
  take_down();
  world_.run_for(10min);
  if (!world_.is_still()) problem("something goes on after the end");
  for (const auto& host : hosts_) {
    if (host->open_descriptors() != 0) problem("a descriptor is left");
  }
  judge();
  clients_.judge(outcome_);
  outcome_.hash = world_.trace_hash();
  return std::move(outcome_);
}

/// Every now and then.
void move_stage::meddle() {
  if (!meddling_) return;
  world_.after(1us * choice_.below(1'500), [this] { meddle(); });
  meddle_once();
}

void move_stage::send_about(runtime& side, shard_id from, const connection_handle& name, shard_id to) {
  on(side, from,
     [name, to] { static_cast<void>(name.run([to](connection& c) { static_cast<void>(c.move_to(to)); })); });
}

void move_stage::fill_lane(runtime& side, shard_id from, shard_id to) {
  const duration time = 1us * choice_.below(3'000);
  on(side, from, [to, time] { take_all_places(to, time); });
}

void move_stage::close_by_name(runtime& side, shard_id from, const connection_handle& name) {
  const auto how = choice_.below(2) == 0 ? close_how::drain : close_how::reset;
  on(side, from, [name, how] { static_cast<void>(name.close(how)); });
}

void move_stage::stop(runtime& side) {
  side.stop();
  side.wait();
  for (const auto& report : side.reports()) {
    if (report.fds != 0 || report.blocks != 0 || report.timers != 0) problem("a shard left something over");
    outcome_.full_lanes += report.mail.lane_full;
  }
}

}  // namespace shoal::test
