// SPDX-License-Identifier: Apache-2.0
// How a dial ends before its time, and that whatever happens it ends once and leaves nothing.
#include <shoal/net/dialer.hpp>
#include <tests/sim/name_dial_stage.hpp>
#include <tests/sim/seeds.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <stop_token>
#include <string>
#include <string_view>

using shoal::errc;
using shoal::record_kind;
using namespace shoal::test;
using namespace std::chrono_literals;
using shoal::sim::never_answers;
using shoal::sim::scripted_answer;

namespace {

/// Ends the runtime `when` after the dial began.
void end_while_dialling(const char* target, shoal::duration when) {
  dial_stage s;
  s.names.set("slow.example", {.addresses = {dead_v4}, .delay = 400ms});
  s.names.set("later.example", record_kind::ipv4, {.addresses = {dead_v4}});
  s.names.set("later.example", record_kind::ipv6, {.delay = never_answers});
  s.names.set("dead.example", {.addresses = {dead_v6, dead_v4, "10.0.0.98"}});
  std::optional<full_unix> full;
  full.emplace(s);
  dial_outcome out;
  s.begin({.target = target}, out);
  BOOST_REQUIRE(s.w.run_until([&] { return out.began; }, 1s));
  s.w.run_for(when);
  s.client.stop();
  s.client.wait();
  BOOST_TEST(out.times == 1);
  BOOST_TEST((out.error == errc::stopped), out.error.message());
  full.reset();
  s.stop();
}

/// A name of random content: up to three addresses of each kind, alive, dead or refused, answers late or failing.
std::string random_name(dial_stage& s, shoal::random_source& random, int number) {
  const std::string name = "n" + std::to_string(number) + ".example";
  for (const auto kind : {record_kind::ipv4, record_kind::ipv6}) {
    const bool v4 = kind == record_kind::ipv4;
    scripted_answer answer{.delay =
                               1ms * static_cast<int>(random.below(4) == 0 ? random.below(2'000) : random.below(80))};
    const auto what = random.below(8);
    if (what == 0) answer.error = errc::name_server_failed;
    if (what == 1) answer.error = errc::name_not_found;
    if (what == 2) answer.delay = never_answers;
    if (what > 3) {
      for (auto left = 1 + random.below(3); left != 0; --left) {
        const bool dead = random.below(2) == 0;
        answer.addresses.emplace_back(dead ? (v4 ? dead_v4 : dead_v6) : (v4 ? live_v4 : live_v6));
      }
    }
    s.names.set(name, kind, answer);
  }
  return name;
}

void random_dials(std::uint64_t seed) {
  auto network = shoal::sim::worst_network();
  network.failed_accept = network.aborted_accept = 0;
  dial_stage s{seed, network};
  shoal::random_source random{seed};
  constexpr int dials = 20;
  std::array<dial_outcome, dials> outcomes;
  std::array<std::stop_source, dials> stops;
  std::array<shoal::duration, dials> timeouts;
  constexpr std::array<const char*, 3> ports{":80", ":81", ":9"};
  for (int i = 0; i < dials; ++i) {
    auto& out = outcomes[static_cast<std::size_t>(i)];
    auto& stop = stops[static_cast<std::size_t>(i)];
    auto& timeout = timeouts[static_cast<std::size_t>(i)];
    timeout = 1ms * static_cast<int>(random.below(3'000));
    // A new name, or one that was asked for already.
    const std::string name = i == 0 || random.below(3) != 0
                                 ? random_name(s, random, i)
                                 : "n" + std::to_string(random.below(static_cast<std::uint64_t>(i))) + ".example";
    s.begin(
        {.target = name + ports[random.below(ports.size())], .options = {.timeout = timeout, .stop = stop.get_token()}},
        out);
    if (random.below(5) == 0) {
      const auto after = 1ms * static_cast<int>(random.below(1'000));
      s.w.after(after, [&s, &stop] { static_cast<void>(s.client.post(0, [&stop] { stop.request_stop(); })); });
    }
    if (random.below(3) == 0) s.w.run_for(1ms * static_cast<int>(random.below(300)));
  }
  const bool ends_early = random.below(4) == 0;
  s.w.run_for(ends_early ? 1ms * static_cast<int>(random.below(1'000)) : shoal::duration{20s});
  s.stop();
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const auto& out = outcomes[i];
    BOOST_TEST(out.times == (out.began ? 1 : 0));
    if (!ends_early) BOOST_TEST(out.times == 1);
    BOOST_TEST((out.took <= timeouts[i] + 200ms), "took " << out.took.count() << " ns");
    if (out.times == 1) BOOST_TEST((out.error || !out.remote.empty()));
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dial_end)

BOOST_AUTO_TEST_CASE(a_stop_token_ends_every_phase) {
  dial_stage s;
  s.names.set("slow.example", {.addresses = {live_v4}, .delay = 400ms});
  s.names.set("later.example", record_kind::ipv4, {.addresses = {live_v4}});
  s.names.set("later.example", record_kind::ipv6, {.delay = never_answers});
  s.names.set("dead.example", {.addresses = {dead_v6, dead_v4, "10.0.0.98"}});
  for (const char* target : {"slow.example:80", "later.example:80", "dead.example:80", "10.0.0.99:80"}) {
    for (const auto when : {0ms, 1ms, 20ms, 300ms}) {
      if (target == std::string_view{"later.example:80"} && when > 20ms) continue;  // connected by then
      std::stop_source stop;
      dial_outcome out;
      s.begin({.target = target, .options = {.timeout = 5s, .stop = stop.get_token()}}, out);
      s.w.run_for(when);
      s.on_shard([&] { stop.request_stop(); });
      BOOST_TEST(s.w.run_until([&] { return out.times != 0; }, 5ms), target);
      BOOST_TEST((out.error == errc::cancelled), target << ": " << out.error.message());
    }
  }
  std::stop_source before;
  before.request_stop();
  BOOST_TEST((s.dial({.target = "slow.example:80", .options = {.stop = before.get_token()}}).error == errc::cancelled));
  BOOST_TEST((s.dial({.target = "10.0.0.2:80", .options = {.stop = before.get_token()}}).error == errc::cancelled));
}

BOOST_AUTO_TEST_CASE(a_full_unix_queue_is_tried_again_until_the_timeout) {
  dial_stage s;
  full_unix full{s};
  const auto in_vain = s.dial({.target = "unix:@full", .options = {.timeout = 300ms}});
  BOOST_TEST((in_vain.error == errc::connect_timeout), in_vain.error.message());
  BOOST_TEST(about(in_vain.took, 300ms));
  dial_outcome out;
  s.begin({.target = "unix:@full"}, out);
  s.w.run_for(200ms);
  BOOST_TEST(out.times == 0);
  full.room();
  BOOST_TEST(s.w.run_until([&] { return out.times != 0; }, 60ms));
  BOOST_TEST(!out.error, out.error.message());
  std::stop_source stop;
  dial_outcome stopped;
  s.begin({.target = "unix:@full", .options = {.stop = stop.get_token()}}, stopped);
  s.w.run_for(100ms);
  s.on_shard([&] { stop.request_stop(); });
  BOOST_TEST(s.w.run_until([&] { return stopped.times != 0; }, 5ms));
  BOOST_TEST((stopped.error == errc::cancelled));
  s.w.run_for(5s);
}

BOOST_AUTO_TEST_CASE(a_stop_inside_on_prepare_ends_the_dial) {
  dial_stage s;
  s.names.set("db.example", {.addresses = {live_v6, live_v4}});
  for (const char* target : {"db.example:80", "10.0.0.2:80"}) {
    std::stop_source stop;
    int attempts = 0;
    auto profile = shoal::make_profile();
    profile->hooks.on_prepare = [&](shoal::connection&) {
      ++attempts;
      stop.request_stop();
    };
    const auto out = s.dial({.target = target, .options = {.stop = stop.get_token()}, .profile = profile});
    BOOST_TEST((out.error == errc::cancelled), target);
    BOOST_TEST(attempts == 1);
  }
}

BOOST_AUTO_TEST_CASE(the_end_of_the_runtime_ends_every_phase) {
  for (const char* target : {"slow.example:80", "later.example:80", "dead.example:80", "10.0.0.99:80", "unix:@full"}) {
    for (const auto when : {0ms, 1ms, 20ms, 300ms}) {
      BOOST_TEST_CONTEXT(target << " after " << when.count() << " ms") end_while_dialling(target, when);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_end_of_the_runtime_waits_for_the_handler_of_a_dialled_connection) {
  dial_stage s;
  bool done = false;
  auto profile = shoal::make_profile();
  profile->hooks.on_connect = [&done](shoal::connection&) -> shoal::task<> {
    auto elsewhere = shoal::sleep_for(300ms);
    co_await elsewhere;
    done = true;
  };
  dial_outcome out;
  s.begin({.target = "10.0.0.2:80", .profile = profile, .hold = 1ms}, out);
  BOOST_REQUIRE(s.w.run_until([&] { return out.times != 0; }, 1s));
  s.w.run_for(100ms);
  s.stop();
  BOOST_TEST(done);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_runtime_leaves_a_closed_connection_the_linger_time) {
  for (const bool at_once : {false, true}) {
    dial_stage s;
    std::uint64_t sent = 0;
    auto profile = shoal::make_profile();
    profile->options.timeouts.linger = 500ms;
    // More than the other side takes, which has nobody who reads.
    profile->hooks.on_connect = [](shoal::connection& c) {
      static_cast<void>(c.output().write_string(std::string(std::size_t{4} << 20U, 'x')));
      c.close();
    };
    profile->hooks.on_disconnect = [&](shoal::connection& c, std::error_code) { sent = c.bytes_sent(); };
    dial_outcome out;
    s.begin({.target = "10.0.0.2:80", .profile = profile, .hold = 100ms}, out);
    s.w.run_for(200ms);
    const auto stopped_at = s.w.now();
    at_once ? s.client.stop_now() : s.client.stop();
    s.stop();
    const auto took = s.w.now() - stopped_at;
    BOOST_TEST((at_once ? took < 10ms : took >= 500ms && took < 600ms), took.count() << " ns");
    if (!at_once) BOOST_TEST(sent > std::uint64_t{1} << 20U);
  }
}

BOOST_AUTO_TEST_CASE(whatever_the_script_each_dial_has_one_outcome_in_time) { for_each_seed(200, &random_dials); }

BOOST_AUTO_TEST_SUITE_END()
