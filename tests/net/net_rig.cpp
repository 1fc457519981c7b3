// SPDX-License-Identifier: Apache-2.0
#include <tests/net/net_rig.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <thread>

namespace shoal::test {

void event_log::add(std::string event) {
  const std::scoped_lock lock(mutex_);
  events_.push_back(std::move(event));
  added_.notify_all();
}

bool event_log::wait_for(const std::string& event, std::size_t times) {
  if (!stage_advance([&] { return count(event) >= times; })) return false;
  std::unique_lock lock(mutex_);
  return added_.wait_for(lock, patience,
                         [&] { return static_cast<std::size_t>(std::ranges::count(events_, event)) >= times; });
}

std::size_t event_log::count(const std::string& event) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count(events_, event));
}

std::string event_log::all() const {
  const std::scoped_lock lock(mutex_);
  std::string text;
  for (const auto& event : events_) text += event + " ";
  return text;
}

std::string word_of(std::error_code reason) {
  if (!reason) return "nothing";
  if (reason == errc::eof) return "eof";
  if (reason == errc::closed) return "closed";
  if (reason == errc::read_timeout) return "read_timeout";
  if (reason == errc::write_timeout) return "write_timeout";
  if (reason == errc::idle_timeout) return "idle_timeout";
  if (reason == errc::half_closed_timeout) return "half_closed_timeout";
  if (reason == errc::stopped) return "stopped";
  if (reason == errc::concurrent_access) return "concurrent_access";
  if (reason == errc::message_too_long) return "message_too_long";
  if (reason == errc::handler_failed) return "handler_failed";
  if (reason == errc::detached) return "detached";
  if (reason == std::errc::connection_reset) return "reset";
  if (reason == std::errc::connection_refused) return "refused";
  return reason.message();
}

connection_options options_on(wire on) {
  connection_options options;
  if (on == wire::filtered) options.make_filter = [] { return std::make_unique<xor_filter>(); };
  return options;
}

namespace {

/// SHOAL_TEST_POLLER=io_uring runs the whole suite on io_uring.
poller_kind poller_under_test() {
  const char* const named = std::getenv("SHOAL_TEST_POLLER");
  return named != nullptr && std::string_view{named} == "io_uring" ? poller_kind::io_uring : poller_kind::automatic;
}

/// Where that is not to be had, no case can run.
struct only_where_available {
  only_where_available() {
    if (poller_under_test() != poller_kind::io_uring) return;
    const auto made = make_real_host()->make_poller(poller_kind::io_uring);
    if (made) return;
    std::cout << "SKIP: test_net_io_uring: " << made.error().message() << std::endl;
    std::_Exit(0);
  }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(only_where_available);

runtime_options net_rig::options_for(unsigned shards, log_collector& log, duration drain_timeout) {
  runtime_options options;
  options.shards.shards = shards;
  options.shards.pin = pin_mode::off;
  options.shards.memory_per_shard = std::size_t{128} << 20;
  options.drain_timeout = drain_timeout;
  options.poller = poller_under_test();
  options.log.collector = &log;
  return options;
}

server_options net_rig::options_for(wire on, const std::function<void(server_options&)>& adjust) {
  server_options options;
  options.bind = "127.0.0.1:0";
  options.connections = options_on(on);
  if (adjust) adjust(options);
  return options;
}

net_rig::net_rig(wire on, unsigned shards, const std::function<void(server_options&)>& adjust, duration drain_timeout)
    : on_(on),
      runtime_(options_for(shards, log_, drain_timeout), stage_host()),
      server_(runtime_, options_for(on, adjust)) {}

net_rig::~net_rig() {
  if (running_) stop();
}

void net_rig::start() {
  const auto started = runtime_.start();
  const std::string problem = started ? "" : started.error().what;
  BOOST_REQUIRE_MESSAGE(started.has_value(), problem);
  running_ = true;
}

bool net_rig::until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  // A peer may be connected before the server has accepted it: what is asked of the connection does not hold then.
  const auto holds = [&condition] {
    try {
      return condition();
    } catch (const std::logic_error&) {  // of only_connection()
      return false;
    }
  };
  while (!on_shard(holds)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

void net_rig::turns(int count) {
  for (int i = 0; i < count; ++i) on_shard([] {});
}

std::size_t net_rig::open_connections(shard_id where) {
  return on_shard([] { return shard::current().local<connection_table>().size(); }, where);
}

connection& net_rig::only_connection() {
  connection* found = nullptr;
  auto& table = shard::current().local<connection_table>();
  table.for_each([&](connection& c) { found = &c; });
  if (table.size() != 1) throw std::logic_error("not one connection but " + std::to_string(table.size()));
  return *found;
}

std::string net_rig::logged() {
  for (const auto& line : log_.take()) lines_ += line + "\n";
  return lines_;
}

void net_rig::stop() {
  runtime_.stop();
  wait_for_stop();
}

void net_rig::wait_for_stop() {
  running_ = false;
  runtime_.wait();
  for (const auto& report : runtime_.reports()) {
    BOOST_TEST(report.fds == 0U);
    BOOST_TEST(report.blocks == 0U);
    BOOST_TEST(report.timers == 0U);
  }
}

}  // namespace shoal::test
