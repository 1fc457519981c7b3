// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/health_stage.hpp>

#include <shoal/net/dialer.hpp>
#include <shoal/net/writer.hpp>
#include <tests/sim/nothing_left.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <utility>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

runtime_options quiet(unsigned shards, log_collector& lines) {
  runtime_options made;
  made.shards.shards = shards;
  made.shards.memory_per_shard = std::size_t{8} << 20U;
  made.log.collector = &lines;
  return made;
}

}  // namespace

toy_endpoint::toy_endpoint(sim::world& w, std::size_t number, log_collector& lines)
    : where_("10.0.1." + std::to_string(number + 1) + ":80"),
      host_(w.add_host("10.0.1." + std::to_string(number + 1))),
      runtime_(quiet(1, lines), host_) {
  server_options options;
  options.bind = where_;
  server_.emplace(runtime_, options);
  server_->on_connect([this](connection&) { ++accepted; });
  server_->on_request([this](connection& c) {
    if (c.input().find("\r\n\r\n") == link_buffer::npos) return;
    last_request = *c.input().read_string(c.input().len());
    if (answer.empty()) return;
    static_cast<void>(c.output().write_string(answer));
    c.flush();
  });
}

toy_endpoint::~toy_endpoint() { stop(); }

void toy_endpoint::start() {
  if (std::exchange(running_, true)) return;
  BOOST_REQUIRE(runtime_.start().has_value());
}

void toy_endpoint::stop() {
  if (!std::exchange(running_, false)) return;
  runtime_.stop_now();
  runtime_.wait();
}

health_stage::health_stage(const health_plan& plan)
    : w(plan.seed, plan.network),
      host_(w.add_host("10.0.0.1")),
      proxy_(quiet(shards, lines), host_),
      slow_start_(plan.slow_start) {
  for (std::size_t i = 0; i < plan.endpoints; ++i) {
    endpoints.push_back(std::make_unique<toy_endpoint>(w, i, lines));
    list_.push_back({.where = *parse_address(endpoints.back()->where()), .weight = 1, .name = {}});
    endpoints.back()->start();
  }
  served_by.resize(plan.endpoints);
  health_.emplace(proxy_, options_of(plan));
  proxy_.add(*this);
  BOOST_REQUIRE(proxy_.start().has_value());
}

health_stage::~health_stage() {
  stop();
  proxy_.remove(*this);
}

upstream_health_options health_stage::options_of(const health_plan& plan) {
  return {.name = "api", .endpoints = list_, .check = plan.check, .outlier = plan.outlier};
}

void health_stage::stop() {
  if (std::exchange(stopped_, true)) return;
  proxy_.stop();
  proxy_.wait();
  check_nothing_left(proxy_, *host_);
}

std::expected<void, start_failure> health_stage::prepare(runtime& owner) {
  groups_.resize(owner.shards());
  return {};
}

void health_stage::start(shard& here) {
  upstream_options options{.name = "api", .endpoints = list_, .balance = balance_policy::random};
  options.slow_start = slow_start_;
  groups_[here.id()] = std::make_unique<upstream>(options, here.random());
  health_->attach(*groups_[here.id()]);
}

task<> health_stage::stop(shard& here, instant) {
  auto all = here.local<background>().tasks.join();
  co_await all;
}

std::string health_stage::seen() const {
  std::string first;
  for (const auto& group : groups_) {
    std::string states;
    for (const auto& e : group->endpoints()) states += e.is_up() ? '1' : '0';
    if (first.empty()) first = states;
    if (states != first) return "?";
  }
  return first;
}

std::optional<duration> health_stage::until_seen(std::string_view states, duration within) {
  const instant before = w.now();
  if (!w.run_until([&] { return seen() == states; }, within)) return std::nullopt;
  return w.now() - before;
}

void health_stage::send_clients(shard_id on, unsigned count) {
  ++clients_;
  static_cast<void>(
      proxy_.post(on, [this, count] { shard::current().local<background>().tasks.spawn(run_clients(count)); }));
}

task<> health_stage::run_clients(unsigned count) {
  shard& here = shard::current();
  upstream& group = *groups_[here.id()];
  dialer out{here, make_profile()};
  const dial_options how{.timeout = 1s, .tcp = {}, .source = {}};
  for (unsigned i = 0; i < count; ++i) {
    endpoint* e = group.pick();
    if (e == nullptr) break;
    endpoint_lease lease{*e};
    auto dialled = co_await out.dial(e->where(), how);
    const auto index = static_cast<std::size_t>(e - group.endpoints().data());
    health_->report(index, dialled ? std::error_code{} : dialled.error());
    if (dialled) {
      ++served_by[index];
      (*dialled)->close(close_how::reset);
    } else {
      ++refused;
    }
  }
  --clients_;
}

std::vector<std::string> health_stage::news() {
  std::vector<std::string> made;
  for (const auto& line : lines.take()) {
    if (const auto at = line.find("upstream api "); at != std::string::npos) made.push_back(line.substr(at));
  }
  return made;
}

}  // namespace shoal::test
