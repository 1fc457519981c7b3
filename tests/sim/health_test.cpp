// SPDX-License-Identifier: Apache-2.0
// Health on simulated shards: checks and ejection, decided once, seen by all.
#include <shoal/core/random.hpp>
#include <tests/sim/health_stage.hpp>
#include <tests/sim/seeds.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

using shoal::duration;
using shoal::health_check_kind;
using shoal::health_check_options;
using shoal::outlier_options;
using shoal::shard_id;
using shoal::test::for_each_seed;
using shoal::test::health_plan;
using shoal::test::health_stage;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

constexpr health_check_kind tcp = health_check_kind::tcp;
constexpr health_check_kind http = health_check_kind::http;

health_check_options every_second(health_check_kind kind) {
  health_check_options made;
  made.kind = kind;
  made.interval = 1s;
  made.timeout = 500ms;
  return made;
}

health_plan checked(std::uint64_t seed, health_check_kind kind, std::size_t endpoints = 2) {
  return {.seed = seed, .endpoints = endpoints, .check = every_second(kind), .outlier = {}};
}

health_plan ejecting(std::uint64_t seed, std::size_t endpoints, outlier_options how) {
  return {.seed = seed, .endpoints = endpoints, .check = {}, .outlier = how};
}

/// Clients come on all shards until nobody picks the first endpoint any more.
void fail_the_first(health_stage& s) {
  BOOST_TEST(s.w.run_until(
      [&] {
        if (s.clients_done()) {
          for (shard_id on = 0; on < health_stage::shards; ++on) s.send_clients(on, 1);
        }
        return s.seen().front() == '0';
      },
      10s));
  BOOST_TEST(s.w.run_until([&] { return s.clients_done(); }, 10s));
}

/// Per endpoint down and up take turns, and down comes first.
void judge_order(const lines& news) {
  std::map<std::string, bool> is_up;
  for (const auto& line : news) {
    const auto name = line.substr(13, line.find(' ', 13) - 13);
    const bool up = line.contains(" down -> up: ");
    const auto known = is_up.try_emplace(name, true).first;
    BOOST_TEST(known->second != up, line);
    known->second = up;
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(health)

BOOST_AUTO_TEST_CASE(who_refuses_goes_down_after_fall_and_comes_back_after_rise) {
  for_each_seed(40, [](std::uint64_t seed) {
    health_stage s{checked(seed, seed % 2 == 0 ? tcp : http)};
    s.w.run_for(5s);
    BOOST_TEST(s.seen() == "11");
    BOOST_TEST(s.news().empty());
    s.endpoints[0]->stop();
    const auto down = s.until_seen("01", 20s);
    BOOST_TEST_REQUIRE(down.has_value());
    BOOST_TEST((*down > 1800ms && *down < 3400ms), down->count());  // the third bad check in a row
    s.w.run_for(10s);
    BOOST_TEST((s.news() == lines{"upstream api 10.0.1.1:80 up -> down: connect refused (1 of 2 left)"}));
    s.endpoints[0]->start();
    const auto up = s.until_seen("11", 20s);
    BOOST_TEST_REQUIRE(up.has_value());
    BOOST_TEST((*up > 900ms && *up < 2300ms), up->count());  // the second good one
    s.w.run_for(10s);
    BOOST_TEST((s.news() == lines{"upstream api 10.0.1.1:80 down -> up: 2 good checks (2 of 2 up)"}));
  });
}

BOOST_AUTO_TEST_CASE(an_endpoint_is_checked_once_per_process_and_not_per_shard) {
  for_each_seed(10, [](std::uint64_t seed) {
    health_stage s{checked(seed, tcp, 3)};
    s.w.run_for(100s);
    for (const auto& e : s.endpoints) {
      BOOST_TEST_MESSAGE("checks in 100 s: " << e->accepted);
      BOOST_TEST((e->accepted >= 95 && e->accepted <= 106));
    }
  });
}

BOOST_AUTO_TEST_CASE(fewer_bad_checks_than_fall_change_nothing) {
  for_each_seed(10, [](std::uint64_t seed) {
    health_stage s{checked(seed, http, 1)};
    s.w.run_for(3s);
    for (int round = 0; round < 5; ++round) {
      const auto before = s.endpoints[0]->accepted;
      s.endpoints[0]->answer = "HTTP/1.1 503 Busy\r\n\r\n";
      BOOST_TEST(s.w.run_until([&] { return s.endpoints[0]->accepted == before + 2; }, 10s));
      s.w.run_for(100ms);
      s.endpoints[0]->answer = "HTTP/1.1 204 Fine\r\n\r\n";
      s.w.run_for(1500ms);
    }
    BOOST_TEST(s.seen() == "1");
    BOOST_TEST(s.news().empty());
  });
}

BOOST_AUTO_TEST_CASE(what_http_answers_decides) {
  const std::vector<std::pair<std::string, std::string>> answers{
      {"HTTP/1.1 503 Service Unavailable\r\n\r\n", "status 503"},
      {"HTTP/1.0 404 \r\n\r\n", "status 404"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP answer"},
      {"HTTP/1.1 abc\r\n", "no HTTP answer"},
      {std::string(10'000, 'x'), "no HTTP answer"},
      {"", "no answer in time"}};
  for (const auto& [answer, why] : answers) {
    auto plan = checked(1, http);
    plan.check->path = "/healthz?deep=1";
    health_stage s{plan};
    s.endpoints[1]->answer = answer;
    BOOST_TEST(s.until_seen("10", 20s).has_value(), why);
    BOOST_TEST((s.news() == lines{"upstream api 10.0.1.2:80 up -> down: " + why + " (1 of 2 left)"}), why);
    BOOST_TEST(s.endpoints[1]->last_request.starts_with("GET /healthz?deep=1 HTTP/1.1\r\nHost: 10.0.1.2:80\r\n"));
    s.endpoints[1]->answer = "HTTP/1.1 302 Found\r\n\r\n";
    BOOST_TEST(s.until_seen("11", 20s).has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_host_header_a_status_and_a_proxy_header_of_their_own) {
  auto plan = checked(1, http, 1);
  plan.check->host = "api.internal";
  plan.check->least_status = plan.check->most_status = 418;
  plan.check->announce = shoal::proxy_version::v1;
  health_stage s{plan};
  s.endpoints[0]->answer = "HTTP/1.1 418 I'm a teapot\r\n\r\n";
  s.w.run_for(10s);
  BOOST_TEST(s.seen() == "1");
  BOOST_TEST(s.endpoints[0]->last_request.starts_with("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: api.internal\r\n"));
  s.endpoints[0]->answer = "HTTP/1.1 200 OK\r\n\r\n";
  BOOST_TEST(s.until_seen("0", 10s).has_value());
}

BOOST_AUTO_TEST_CASE(an_upstream_may_be_down_as_a_whole) {
  health_stage s{checked(1, tcp)};
  s.endpoints[0]->stop();
  s.endpoints[1]->stop();
  BOOST_TEST(s.until_seen("00", 20s).has_value());
  const auto news = s.news();
  BOOST_TEST_REQUIRE(news.size() == 2U);
  BOOST_TEST(news[0].ends_with("(1 of 2 left)"));
  BOOST_TEST(news[1].ends_with("(0 of 2 left)"));
}

BOOST_AUTO_TEST_CASE(failures_on_all_shards_together_eject) {
  for_each_seed(40, [](std::uint64_t seed) {
    health_stage s{ejecting(seed, 2, {.consecutive_failures = 5, .base_ejection_time = 10s})};
    s.endpoints[0]->stop();
    fail_the_first(s);
    BOOST_TEST(s.seen() == "01");
    BOOST_TEST_MESSAGE("clients refused before: " << s.refused);
    BOOST_TEST((s.refused >= 5 && s.refused <= 5 + 2 * health_stage::shards));
    BOOST_TEST((s.news() == lines{"upstream api 10.0.1.1:80 up -> down: connect refused, 5 failures in a row, ejected "
                                  "for 10 s (1 of 2 left)"}));
    const auto back = s.until_seen("11", 1min);
    BOOST_TEST_REQUIRE(back.has_value());
    BOOST_TEST((*back > 9s && *back < 10s + 10ms));
    BOOST_TEST((s.news() == lines{"upstream api 10.0.1.1:80 down -> up: its ejection is over (2 of 2 up)"}));
  });
}

BOOST_AUTO_TEST_CASE(the_time_grows_with_each_ejection_and_shrinks_with_good_times) {
  health_stage s{ejecting(1, 2, {.consecutive_failures = 3, .base_ejection_time = 10s})};
  s.endpoints[0]->stop();
  for (const char* time : {"for 10 s", "for 20 s", "for 30 s"}) {
    fail_the_first(s);
    BOOST_TEST(s.news().back().contains(time));
    BOOST_TEST(s.until_seen("11", 2min).has_value());
  }
  s.w.run_for(25s);  // two base times: of three ejections one counts, and this is the second
  static_cast<void>(s.news());
  fail_the_first(s);
  BOOST_TEST(s.news().back().contains("for 20 s"));
}

BOOST_AUTO_TEST_CASE(a_success_anywhere_begins_a_new_row) {
  health_stage s{ejecting(1, 2, {.consecutive_failures = 5, .base_ejection_time = 10s})};
  for (int round = 0; round < 20; ++round) {
    s.endpoints[0]->stop();
    const auto before = s.refused;
    for (int i = 0; s.refused - before < 3; ++i) {
      BOOST_TEST_REQUIRE(i < 200, "nobody is sent there any more: " << s.seen());
      s.send_clients(static_cast<shard_id>(round % 4), 1);
      BOOST_TEST(s.w.run_until([&] { return s.clients_done(); }, 5s));
    }
    s.endpoints[0]->start();
    const auto served = s.served_by[0];
    for (int i = 0; s.served_by[0] == served; ++i) {
      BOOST_TEST_REQUIRE(i < 200, "nobody is sent there any more: " << s.seen());
      s.send_clients(static_cast<shard_id>((round + 1) % 4), 1);
      s.w.run_for(100ms);
    }
  }
  BOOST_TEST(s.seen() == "11");
  BOOST_TEST(s.news().empty());
}

BOOST_AUTO_TEST_CASE(never_more_than_the_share_and_never_the_last) {
  for_each_seed(20, [](std::uint64_t seed) {
    for (const unsigned percent : {0U, 25U, 50U, 100U}) {
      health_stage s{
          ejecting(seed, 4, {.consecutive_failures = 2, .base_ejection_time = 10min, .max_ejection_percent = percent})};
      for (auto& e : s.endpoints) e->stop();
      for (shard_id on = 0; on < health_stage::shards; ++on) s.send_clients(on, 50);
      BOOST_TEST(s.w.run_until([&] { return s.clients_done(); }, 1min));
      s.w.run_for(1s);
      const auto states = s.seen();
      const auto out = std::ranges::count(states, '0');
      BOOST_TEST(out == std::min(4 * percent / 100, 3U), states);
      BOOST_TEST(s.news().size() == static_cast<std::size_t>(out));
    }
  });
}

BOOST_AUTO_TEST_CASE(what_is_wrong_here_ejects_nobody) {
  health_stage s{ejecting(1, 2, {.consecutive_failures = 1, .base_ejection_time = 10s})};
  s.limit_descriptors(0);
  for (shard_id on = 0; on < health_stage::shards; ++on) s.send_clients(on, 20);
  BOOST_TEST(s.w.run_until([&] { return s.clients_done(); }, 1min));
  BOOST_TEST(s.refused == 80U);
  BOOST_TEST(s.seen() == "11");
  BOOST_TEST(s.news().empty());
}

BOOST_AUTO_TEST_CASE(on_the_worst_network_all_shards_agree_in_the_end) {
  for_each_seed(60, [](std::uint64_t seed) {
    shoal::random_source random{seed};
    auto plan = checked(seed, random.below(2) == 0 ? tcp : http, 3);
    plan.network = shoal::sim::worst_network();
    plan.outlier = outlier_options{.consecutive_failures = 3, .base_ejection_time = 2s};
    plan.slow_start = 1s;
    health_stage s{plan};
    for (int i = 0; i < 30; ++i) {
      auto& e = *s.endpoints[static_cast<std::size_t>(random.below(3))];
      e.is_running() ? e.stop() : e.start();
      s.send_clients(static_cast<shard_id>(random.below(4)), 10);
      s.w.run_for(1ms * static_cast<int>(random.below(4'000)));
    }
    if (random.below(3) == 0) return s.stop();  // in the midst of it
    s.w.set_profile(shoal::sim::perfect_network());
    for (auto& e : s.endpoints) e->start();
    BOOST_TEST(s.until_seen("111", 2min).has_value(), s.seen());
    s.w.run_for(30s);
    BOOST_TEST(s.seen() == "111");
    const auto news = s.news();
    judge_order(news);
    BOOST_TEST(news.size() % 2 == 0);
  });
}

BOOST_AUTO_TEST_CASE(a_stop_at_any_time_leaves_nothing) {
  for_each_seed(60, [](std::uint64_t seed) {
    auto plan = checked(seed, http, 3);
    plan.network = shoal::sim::worst_network();
    plan.outlier = outlier_options{.consecutive_failures = 1, .base_ejection_time = 1s};
    health_stage s{plan};
    s.endpoints[0]->answer.clear();
    s.endpoints[1]->stop();
    s.send_clients(1, 20);
    s.w.run_for(17ms * static_cast<int>(seed % 200));
    s.stop();
  });
}

BOOST_AUTO_TEST_SUITE_END()
