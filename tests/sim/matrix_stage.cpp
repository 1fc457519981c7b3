// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/matrix_stage.hpp>

#include "proxy/config_load.hpp"
#include "proxy/convert.hpp"
#include <tests/sim/nothing_left.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* front_address = "10.0.0.1:7000";
constexpr const char* other_address = "10.0.0.1:7001";
constexpr const char* failing_address = "10.0.0.3:80";
constexpr const char* good_address = "10.0.0.3:81";
constexpr const char* deserted_address = "10.0.0.3:82";
constexpr const char* silent_address = "10.0.0.9:80";  // no host has it: nobody answers

runtime_options quiet(unsigned shards, log_collector& lines) {
  runtime_options made;
  made.shards.shards = shards;
  made.shards.memory_per_shard = std::size_t{8} << 20U;
  made.log.collector = &lines;
  return made;
}

std::unique_ptr<server> echo_server(runtime& owner, const char* where, matrix_endpoint& how) {
  server_options options;
  options.bind = where;
  options.name = "endpoint";
  if (how.how == "slow") options.connections.input = {.high = 1'000, .low = 500};
  auto made = std::make_unique<server>(owner, options);
  made->on_connect([&how](connection& c) { return run_endpoint(c, how); });
  return made;
}

std::string text_of(random_source& random) {
  std::string text(2'000 + random.below(12'000), ' ');
  for (char& c : text) c = static_cast<char>('a' + random.below(26));
  return text;
}

}  // namespace

sim::network_profile rough_network() noexcept {
  auto made = sim::worst_network();
  made.lost_syn = made.reset = made.aborted_accept = made.failed_accept = 0;
  return made;
}

config::proxy_config matrix_config(const std::string& endpoint) {
  const std::string where = endpoint == "refuses" ? deserted_address
                            : endpoint == "drops" ? silent_address
                                                  : failing_address;
  const std::string text = std::string("listeners:\n") + "  - { name: front, bind: \"" + front_address +
                           "\", upstream: back, timeouts: { idle: 3s } }\n" + "  - { name: other, bind: \"" +
                           other_address + "\", upstream: good }\n" + "upstreams:\n" +
                           "  - { name: back, endpoints: [ \"" + where + "\" ], timeouts: { connect: 1s } }\n" +
                           "  - { name: good, endpoints: [ \"" + good_address + "\" ] }\n";
  const config::surroundings around{.environment = {}, .readable = [](const std::string&) { return true; }};
  auto loaded = config::parse_proxy_config(text, "matrix.yaml", around);
  BOOST_REQUIRE_MESSAGE(loaded.has_value(), text);
  return *std::move(loaded);
}

matrix_stage::matrix_stage(std::uint64_t seed, const sim::network_profile& network, config::proxy_config config,
                           const std::string& endpoint)
    : w(seed, network),
      config_(std::move(config)),
      failing_{.how = endpoint, .owed = {}, .saw = {}},
      proxy_host_(w.add_host("10.0.0.1")),
      proxy_(quiet(3, lines_), proxy_host_),
      endpoints_(quiet(1, lines_), w.add_host("10.0.0.3")),
      client_side_(quiet(1, lines_), w.add_host("10.0.0.2")) {
  serving_.declare(config_);
  servers_.push_back(echo_server(endpoints_, failing_address, failing_));
  servers_.push_back(echo_server(endpoints_, good_address, good_));
  BOOST_REQUIRE(endpoints_.start().has_value());
  BOOST_REQUIRE(proxy_.start().has_value());
  BOOST_REQUIRE(client_side_.start().has_value());
}

matrix_stage::~matrix_stage() {
  stop();
  for (runtime* side : {&client_side_, &endpoints_}) {
    side->stop_now();
    side->wait();
  }
}

void matrix_stage::stop() {
  if (std::exchange(stopped_, true)) return;
  proxy_.stop();
  proxy_.wait();
  check_nothing_left(proxy_, *proxy_host_);
}

matrix_client& matrix_stage::send_client(const std::string& how, bool to_other) {
  random_source random{w.seed() * 1'000 + clients_.size()};
  matrix_client& made = clients_.emplace_back();
  made.target = *parse_address(to_other ? other_address : front_address);
  made.how = how;
  made.text = text_of(random);
  made.seed = random();
  (to_other ? good_ : failing_).owed.push_back(made.text);
  w.after(duration{static_cast<duration::rep>(random.below(30'000'000))}, [this, &made] {
    static_cast<void>(
        client_side_.post(0, [&made] { shard::current().local<background>().tasks.spawn(run_client(made)); }));
  });
  return made;
}

bool matrix_stage::run_until_quiet() {
  const auto all_done = [this] { return std::ranges::all_of(clients_, &matrix_client::done); };
  const auto all_gone = [this] {
    return serving_.connections() == 0 &&
           std::ranges::none_of(failing_.saw, [](const auto& saw) { return saw == "open"; });
  };
  if (!w.run_until(all_done, 1min)) return false;
  w.run_for(1s);  // what was on its way when the last one left has arrived
  return w.run_until(all_gone, 1min);
}

std::map<std::string, std::uint64_t, std::less<>> matrix_stage::ends() const {
  std::map<std::string, std::uint64_t, std::less<>> all;
  for (const auto& done : *serving_.now()->listeners.front().listener->traffic()) {
    for (const auto& [word, count] : done.ends) all[word] += count;
  }
  return all;
}

std::vector<std::string> matrix_stage::lines_with(const std::string& words) {
  std::vector<std::string> found;
  for (auto& line : lines_.take()) {
    if (line.find(words) != std::string::npos) found.push_back(std::move(line));
  }
  return found;
}

}  // namespace shoal::test
