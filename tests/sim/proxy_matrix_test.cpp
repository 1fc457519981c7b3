// SPDX-License-Identifier: Apache-2.0
// Each row of docs/failures.md, played with many seeds: ./scripts/soak matrix takes 1,000 of them.
#include <tests/sim/matrix_stage.hpp>
#include <tests/sim/matrix_table.hpp>
#include <tests/sim/seeds.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

using shoal::test::matrix_cell;
using shoal::test::matrix_client;
using shoal::test::matrix_stage;
using namespace shoal::test;

namespace {

constexpr std::size_t clients = 3;
constexpr std::size_t neighbours = 2;

bool is_one_of(const std::string& word, const std::vector<std::string>& words) {
  return std::ranges::find(words, word) != words.end();
}

/// Who is gone before a shard has looked at the connection is not in the log.
bool may_go_unseen(const matrix_cell& cell) { return cell.client == "goes away" || cell.client == "resets"; }

void play(std::uint64_t seed, const matrix_cell& cell) {
  matrix_stage stage{seed, rough_network(), matrix_config(cell.endpoint), cell.endpoint};
  std::vector<const matrix_client*> ours, others;
  for (std::size_t i = 0; i < clients; ++i) ours.push_back(&stage.send_client(cell.client));
  for (std::size_t i = 0; i < neighbours; ++i) others.push_back(&stage.send_client("well-behaved", true));
  BOOST_TEST(stage.run_until_quiet());
  for (const matrix_client* one : ours) {
    BOOST_TEST(is_one_of(one->sees, cell.client_sees), "the client saw: " << one->sees);
    BOOST_TEST(one->text.starts_with(one->received));
  }
  for (const auto& saw : stage.failing().saw) {
    BOOST_TEST(is_one_of(saw, cell.endpoint_sees), "the endpoint saw: " << saw);
  }
  if (stage.failing().saw.size() < clients) BOOST_TEST(is_one_of("nothing", cell.endpoint_sees));
  std::uint64_t records = 0;
  for (const auto& [word, count] : stage.ends()) {
    records += count;
    BOOST_TEST(is_one_of(word, cell.end), "end=" << word);
  }
  BOOST_TEST(records <= clients);
  if (!may_go_unseen(cell)) BOOST_TEST(records == clients);
  for (const matrix_client* one : others) BOOST_TEST(one->sees == "whole");
  stage.stop();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(failure_matrix)

BOOST_AUTO_TEST_CASE(each_row_of_the_table_comes_true) {
  for (const matrix_cell& cell : matrix_cells()) {
    BOOST_TEST_CONTEXT(cell.name()) for_each_seed(5, [&](std::uint64_t seed) { play(seed, cell); });
  }
}

BOOST_AUTO_TEST_CASE(who_cuts_every_client_off_before_its_first_byte_is_ejected) {
  for_each_seed(10, [](std::uint64_t seed) {
    auto config = matrix_config("cuts off");
    auto& back = config.upstreams.front();
    back.balance = shoal::config::balance_policy::round_robin;
    back.endpoints.push_back(config.upstreams.back().endpoints.front());
    back.outlier_detection.emplace().consecutive_failures = 4;
    back.outlier_detection->base_ejection_time = std::chrono::hours{1};
    matrix_stage stage{seed, rough_network(), std::move(config), "cuts off"};
    std::vector<std::string> news;
    for (int crowd = 0; crowd < 20 && news.empty(); ++crowd) {
      for (int i = 0; i < 4; ++i) stage.send_client("well-behaved");
      BOOST_REQUIRE(stage.run_until_quiet());
      news = stage.lines_with("up -> down");
    }
    BOOST_REQUIRE_EQUAL(news.size(), 1U);
    BOOST_TEST(news.front().find("cut off before its first byte, 4 failures in a row") != std::string::npos, news[0]);
    std::vector<const matrix_client*> late;
    for (int i = 0; i < 8; ++i) late.push_back(&stage.send_client("well-behaved"));
    BOOST_TEST(stage.run_until_quiet());
    for (const matrix_client* one : late) BOOST_TEST(one->sees == "whole");
    stage.stop();
  });
}

BOOST_AUTO_TEST_CASE(the_table_has_every_client_with_every_endpoint) {
  std::set<std::pair<std::string, std::string>> pairs;
  std::set<std::string> of_clients, of_endpoints;
  for (const matrix_cell& cell : matrix_cells()) {
    BOOST_TEST(pairs.emplace(cell.client, cell.endpoint).second, cell.name() << " stands there twice");
    of_clients.insert(cell.client);
    of_endpoints.insert(cell.endpoint);
  }
  BOOST_TEST(of_clients.size() == 6U);
  BOOST_TEST(of_endpoints.size() == 6U);
  BOOST_TEST(pairs.size() == 36U);
}

BOOST_AUTO_TEST_SUITE_END()
