// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/crowd.hpp>

#include <shoal/core/sleep.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/writer.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>
#include <string_view>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view server_name = "10.0.0.1:7000";

struct background {
  explicit background(shard&) {}
  scope tasks{[](const std::exception_ptr&) noexcept { std::terminate(); }};
};

void work_and_tell_where(connection& c) {
  while (c.input().len() >= 2) {
    c.owner().burn(std::chrono::microseconds{*c.input().read_u16_be()});
    BOOST_REQUIRE(c.output().write_u16_be(c.owner().id()).has_value());
  }
  c.flush();
}

}  // namespace

std::uint64_t tally::total() const { return std::accumulate(by_shard.begin(), by_shard.end(), std::uint64_t{0}); }

double tally::max_to_mean() const {
  const auto most = static_cast<double>(*std::ranges::max_element(by_shard));
  return most * static_cast<double>(by_shard.size()) / static_cast<double>(total());
}

crowd::crowd(std::uint64_t seed, accept_distribution how, rebalance_mode rebalance)
    : chance_(seed),
      world_(seed),
      server_side_(quiet(shards, lines_), server_host_),
      client_side_(quiet(1, lines_), client_host_) {
  server_options options;
  options.bind = std::string(server_name);
  options.name = "crowd";
  options.distribution = how;
  options.rebalance = rebalance;
  server_ = std::make_unique<server>(server_side_, options);
  server_->on_request(work_and_tell_where);
  BOOST_REQUIRE(server_side_.start().has_value());
  BOOST_REQUIRE(client_side_.start().has_value());
}

crowd::~crowd() {
  over_ = true;
  client_side_.stop_now();
  client_side_.wait();
  server_side_.stop();
  server_side_.wait();
  for (shard_id s = 0; s < shards; ++s) BOOST_TEST(open_on(s) == 0U);
  BOOST_TEST(server_->connections() == 0U);
}

runtime_options crowd::quiet(unsigned shard_count, log_collector& lines) {
  runtime_options made;
  made.shards.shards = shard_count;
  made.shards.memory_per_shard = std::size_t{256} << 20U;
  made.log.collector = &lines;
  return made;
}

std::string crowd::logged() {
  std::string all;
  for (const auto& line : lines_.take()) all += line + '\n';
  return all;
}

void crowd::come(const client_habit& habit, tally& where) {
  ++under_way_;
  where.by_shard.resize(shards);
  auto started = client_side_.post(
      0, [this, habit, &where] { shard::current().local<background>().tasks.spawn(talk(habit, where)); });
  static_cast<void>(started);
}

void crowd::settle(duration within) {
  BOOST_TEST(world_.run_until([this] { return under_way_ == 0; }, within));
}

task<> crowd::talk(client_habit habit, tally& where) {
  shard& here = shard::current();
  const bool stays = habit.pause != duration::zero();
  dialer out{here, make_profile()};
  const address target = *parse_address(server_name);
  dial_options options;
  if (!habit.source.empty()) options.source = *parse_address(habit.source, 0);
  auto dialled = co_await out.dial(target, options);
  if (!dialled) {
    BOOST_TEST(over_, dialled.error().message());
    co_return;
  }
  connection& c = **dialled;
  const auto work = static_cast<std::uint16_t>(habit.work / 1us);
  bool first = true;
  while (first || (stays && !over_)) {
    if (!c.output().write_u16_be(work)) break;
    c.flush();
    const auto served_by = co_await c.reader().read_u16_be();
    if (!served_by) break;
    c.input().release();
    ++answers_;
    if (first) {
      ++where.by_shard[*served_by];
      if (stays) --under_way_;
    }
    first = false;
    if (!stays) break;
    const auto pause = static_cast<std::uint64_t>(habit.pause.count());
    co_await sleep_for(duration{static_cast<duration::rep>(pause / 2 + here.random().below(pause))});
  }
  if (!stays) --under_way_;
}

}  // namespace shoal::test
