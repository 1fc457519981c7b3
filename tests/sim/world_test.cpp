// SPDX-License-Identifier: Apache-2.0
// The simulated world itself: time, descriptors, names, and runtimes that live in it.
#include <shoal/core/sim/world.hpp>

#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sleep.hpp>
#include <tests/core/death.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <vector>

using shoal::instant;
using shoal::runtime;
using shoal::shard;
using shoal::shard_id;
using shoal::socket_name;
using shoal::task;
using shoal::sim::name_of;
using shoal::sim::network_profile;
using shoal::sim::parse_host;
using shoal::sim::place;
using shoal::sim::world;
using namespace std::chrono_literals;

namespace {

shoal::runtime_options quiet(shoal::log_collector& lines, unsigned shards) {
  shoal::runtime_options options;
  options.shards.shards = shards;
  options.shards.memory_per_shard = std::size_t{8} << 20U;
  options.log.collector = &lines;
  return options;
}

socket_name tcp(std::string_view host, std::uint16_t port) {
  place where = parse_host(host);
  where.port = port;
  return name_of(where);
}

socket_name unix_name(std::string path) { return name_of({AF_UNIX, std::move(path), 0}); }

struct background {
  explicit background(shard&) {}
  shoal::scope tasks{[](const std::exception_ptr&) noexcept { std::terminate(); }};
};

task<> sleep_and_note(shoal::duration length, std::vector<instant>& woken) {
  co_await shoal::sleep_for(length);
  woken.push_back(shard::current().now());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(simulated_world)

BOOST_AUTO_TEST_CASE(time_jumps_from_event_to_event) {
  world w{1};
  std::vector<int> order;
  const instant start = w.now();
  w.after(2h, [&] { order.push_back(2); });
  w.after(1h, [&] {
    order.push_back(1);
    w.after(30min, [&] { order.push_back(3); });
  });
  BOOST_TEST(w.run_until([&] { return order.size() == 3; }, 3h));
  BOOST_TEST((order == std::vector{1, 3, 2}));
  BOOST_TEST((w.now() == start + 2h));
  BOOST_TEST(w.is_still());
  BOOST_TEST(!w.run_until([] { return false; }, 1h));
  BOOST_TEST((w.now() == start + 3h));
}

BOOST_AUTO_TEST_CASE(a_runtime_starts_works_stops_and_starts_again) {
  world w{2};
  shoal::log_collector lines;
  runtime r{quiet(lines, 4), w.add_host("10.0.0.1")};
  for (int round = 0; round < 3; ++round) {
    BOOST_REQUIRE(r.start().has_value());
    BOOST_TEST(r.shards() == 4U);
    std::vector<shard_id> ran;
    for (shard_id id = 0; id < 4; ++id) {
      static_cast<void>(r.post(id, [&] { ran.push_back(shard::current().id()); }));
    }
    BOOST_TEST(ran.empty());  // nobody has taken a turn yet
    BOOST_TEST(w.run_until([&] { return ran.size() == 4; }, 1s));
    BOOST_TEST(shard::current_or_null() == nullptr);
    r.stop();
    r.wait();
    BOOST_TEST(r.reports().size() == 4U);
    BOOST_TEST(r.reports().front().poller_name == "sim");
  }
}

BOOST_AUTO_TEST_CASE(who_is_destroyed_while_it_runs_is_stopped_first) {
  world w{3};
  shoal::log_collector lines;
  const runtime idle{quiet(lines, 2), w.add_host("10.0.0.1")};
  runtime running{quiet(lines, 3), w.add_host("10.0.0.2")};
  BOOST_TEST(running.start().has_value());
}

BOOST_AUTO_TEST_CASE(timers_go_by_virtual_time_and_not_by_the_wall) {
  world w{4};
  shoal::log_collector lines;
  const auto machine = w.add_host("10.0.0.1");
  runtime r{quiet(lines, 1), machine};
  BOOST_REQUIRE(r.start().has_value());
  std::vector<instant> woken;
  const instant start = w.now();
  for (const auto length : {1ms, 3'600'000ms, 5ms}) {
    static_cast<void>(r.post(
        0, [&woken, length] { shard::current().local<background>().tasks.spawn(sleep_and_note(length, woken)); }));
  }
  const auto wall = machine->wall_time();
  w.after(2ms, [&] { machine->jump_wall_time(24h); });
  w.after(3ms, [&] { machine->jump_wall_time(-48h); });
  BOOST_TEST(w.run_until([&] { return woken.size() == 3; }, 2h));
  BOOST_TEST((machine->wall_time() < wall - 22h));
  BOOST_TEST((woken[0] >= start + 1ms && woken[0] < start + 2ms));
  BOOST_TEST((woken[1] >= start + 5ms && woken[1] < start + 6ms));
  BOOST_TEST((woken[2] >= start + 1h && woken[2] < start + 1h + 1ms));
  r.stop();
  r.wait();
}

BOOST_AUTO_TEST_CASE(the_lowest_free_descriptor_is_used_first) {
  world w{5};
  const auto machine = w.add_host("10.0.0.1");
  std::vector<int> fds;
  for (int i = 0; i < 4; ++i) fds.push_back(*machine->open_stream(AF_INET, {}));
  machine->close_socket(fds[2]);
  machine->close_socket(fds[1]);
  BOOST_TEST(*machine->open_stream(AF_INET, {}) == fds[1]);
  BOOST_TEST(*machine->open_stream(AF_INET, {}) == fds[2]);
  machine->set_descriptor_limit(4);
  BOOST_TEST((machine->open_stream(AF_INET, {}).error() == std::errc::too_many_files_open));
  BOOST_TEST(w.faults().out_of_descriptors == 1U);
  machine->close_socket(fds[0]);
  BOOST_TEST(*machine->open_stream(AF_INET, {}) == fds[0]);
  for (const int fd : fds) machine->close_socket(fd);
  BOOST_TEST(machine->open_descriptors() == 0U);
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_not_open_is_a_failed_check) {
  world w{6};
  const auto machine = w.add_host("10.0.0.1");
  const int fd = *machine->open_stream(AF_INET, {});
  machine->close_socket(fd);
  BOOST_TEST(shoal::test::aborts([&] { machine->close_socket(fd); }));
  BOOST_TEST(shoal::test::aborts([&] { machine->abort_socket(fd); }));
  BOOST_TEST(shoal::test::aborts([&] { static_cast<void>(machine->local_name(-1)); }));
}

BOOST_AUTO_TEST_CASE(addresses_belong_to_one_at_a_time_unless_they_are_shared) {
  world w{7};
  const auto machine = w.add_host("10.0.0.1");
  const auto other = w.add_host("10.0.0.2");
  const auto here = tcp("10.0.0.1", 80);
  const int first = *machine->open_listener(here.view(), {});
  BOOST_TEST((machine->probe_bind(here.view(), true) == std::errc::address_in_use));
  BOOST_TEST((machine->open_listener(here.view(), {}).error() == std::errc::address_in_use));
  BOOST_TEST((machine->open_listener(tcp("0.0.0.0", 80).view(), {}).error() == std::errc::address_in_use));
  BOOST_TEST((other->open_listener(here.view(), {}).error() == std::errc::address_not_available));
  machine->close_socket(first);
  BOOST_TEST(!machine->probe_bind(here.view(), true));
  const shoal::listen_options shared{.reuse_port = true, .tcp = {}};
  const int second = *machine->open_listener(here.view(), shared);
  const int third = *machine->open_listener(here.view(), shared);
  BOOST_TEST((machine->open_listener(here.view(), {}).error() == std::errc::address_in_use));
  for (const int fd : {second, third}) machine->close_socket(fd);
}

BOOST_AUTO_TEST_CASE(the_file_of_a_unix_socket_stays_behind) {
  world w{8};
  const auto machine = w.add_host("10.0.0.1");
  const auto name = unix_name("/run/x.sock");
  BOOST_TEST(!machine->is_stale_unix_socket(name.view()));
  const int fd = *machine->open_listener(name.view(), {});
  BOOST_TEST(!machine->is_stale_unix_socket(name.view()));
  machine->close_socket(fd);
  BOOST_TEST(machine->is_stale_unix_socket(name.view()));
  BOOST_TEST((machine->open_listener(name.view(), {}).error() == std::errc::address_in_use));
  machine->remove_unix_socket(name.view());
  const int again = *machine->open_listener(name.view(), {});
  machine->close_socket(again);
}

BOOST_AUTO_TEST_CASE(a_trace_is_text_for_who_asks) {
  world w{9};
  const auto machine = w.add_host("10.0.0.1");
  const auto before = w.trace_hash();
  std::vector<std::string> lines;
  w.write_trace([&](std::string_view line) { lines.emplace_back(line); });
  machine->close_socket(*machine->open_stream(AF_INET, {}));
  BOOST_TEST(w.trace_hash() != before);
  BOOST_REQUIRE(lines.size() == 2U);
  BOOST_TEST(lines[0] == "3600.000000000 host 1 opened 3 0 0x0");
  BOOST_TEST(lines[1] == "3600.000000000 host 1 closed 3 0 0x0");
}

BOOST_AUTO_TEST_SUITE_END()
