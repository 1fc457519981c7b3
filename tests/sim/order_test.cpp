// SPDX-License-Identifier: Apache-2.0
// Whatever happens to a connection and in whatever order: every hook at most once and in its place, every wait ended
// once and with the right error, nothing left over.
//
//   SHOAL_ORDER_LENGTH=5         all scripts up to this length (usually 3; 66,429 scripts are of length 5 and below)
//   SHOAL_ORDER_RANDOM=100000    so many random ones, of 6 to 14 events
//   SHOAL_ORDER_SCRIPT=data,stop only this one; `-- --seed N` replays one batch of random ones
//   SHOAL_ORDER_BATCH=1          each script in a world of its own, so that a crash says which one it was
#include <shoal/core/random.hpp>
#include <tests/sim/order_stage.hpp>
#include <tests/sim/seeds.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>

using namespace shoal::test;

namespace {

constexpr std::size_t usual_batch = 250;  // scripts in one world
constexpr std::size_t longest_filtered = 3;
constexpr std::size_t most_problems = 20;  // told; the others are counted

std::optional<std::size_t> number_in(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  return std::stoul(text);
}

class tally {
 public:
  void play(const order_setting& setting, const order_batch& scripts) {
    BOOST_TEST_CONTEXT(to_string(setting) << ": SHOAL_ORDER_SCRIPT=" << to_string(scripts.front()) << " and "
                                          << scripts.size() - 1 << " others") {
      add(shoal::test::play(setting, scripts));
    }
  }
  void add(order_outcome_of_batch outcome) {
    sum_.connections += outcome.connections;
    sum_.requests += outcome.requests;
    sum_.waits += outcome.waits;
    sum_.throws += outcome.throws;
    for (auto& problem : outcome.problems) {
      if (sum_.problems.size() < most_problems) BOOST_TEST_ERROR(problem);
      sum_.problems.push_back(std::move(problem));
    }
  }
  void tell(const char* what) const {
    std::cout << what << ": " << sum_.connections << " connections, " << sum_.requests << " calls of on_request, "
              << sum_.waits << " waits, " << sum_.throws << " exceptions, " << sum_.problems.size() << " problems"
              << std::endl;
    BOOST_TEST(sum_.problems.size() == 0U);
  }
  [[nodiscard]] const order_outcome_of_batch& sum() const { return sum_; }

 private:
  order_outcome_of_batch sum_;
};

/// Every style, accepted and dialled, at every pace.
template <class Visit>
void for_each_setting(Visit visit) {
  for (std::size_t style = 0; style < order_style_names.size(); ++style) {
    for (const bool dialled : {false, true}) {
      for (const auto pace : {order_pace::settled, order_pace::together, order_pace::at_birth}) {
        if (dialled && pace == order_pace::at_birth) continue;  // a dial is over when it is connected
        visit(order_setting{.style = static_cast<order_style>(style), .dialled = dialled, .pace = pace});
      }
    }
  }
}

bool has_stop(const order_batch& batch) {
  return std::ranges::find(batch.front(), order_event::stop) != batch.front().end();
}

void play_all(tally& sum, const order_batch& batch, bool filtered = false) {
  for_each_setting([&](order_setting setting) {
    setting.filtered = filtered;
    sum.play(setting, batch);
    if (setting.dialled || !has_stop(batch)) return;
    setting.ends_server = true;
    sum.play(setting, batch);
  });
}

/// Nothing is lost, but nothing comes when one would expect it.
shoal::sim::network_profile rough_network() {
  auto profile = shoal::sim::worst_network();
  profile.latency = {std::chrono::microseconds{10}, std::chrono::milliseconds{2}};
  profile.jitter = {std::chrono::microseconds{0}, std::chrono::milliseconds{1}};
  profile.lost_syn = profile.reset = profile.aborted_accept = profile.failed_accept = 0;
  return profile;
}

order_setting random_setting(std::uint64_t seed) {
  order_setting setting{.style = static_cast<order_style>(seed % order_style_names.size()), .seed = seed};
  shoal::random_source random{seed};
  const auto one_in = [&random](std::uint64_t bound) { return random.below(bound) == 0; };
  setting.dialled = one_in(2);
  setting.ends_server = one_in(2);
  setting.pace = one_in(2) ? order_pace::settled : order_pace::together;
  if (!setting.dialled && one_in(5)) setting.pace = order_pace::at_birth;
  setting.filtered = one_in(2);
  setting.from_handler = one_in(4);
  if (one_in(4)) setting.close = shoal::close_how::reset;
  if (one_in(4)) setting.timeout = std::chrono::milliseconds{1'500};
  if (one_in(3)) {
    setting.network = rough_network();
    setting.network_is_perfect = false;
  }
  return setting;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(order)

BOOST_AUTO_TEST_CASE(every_short_script) {
  tally sum;
  if (const char* text = std::getenv("SHOAL_ORDER_SCRIPT")) {
    const auto script = parse_order_script(text);
    BOOST_REQUIRE_MESSAGE(script && !script->empty(), "SHOAL_ORDER_SCRIPT is not a script: " << text);
    for (const bool filtered : {false, true}) {
      play_all(sum, {*script, *script}, filtered);  // two: one writer waits for room, the other for its bytes to leave
    }
    return sum.tell("one script");
  }
  const std::size_t longest = number_in("SHOAL_ORDER_LENGTH").value_or(3);
  const std::size_t batch_size = number_in("SHOAL_ORDER_BATCH").value_or(usual_batch);
  for (std::size_t length = 1; length <= longest; ++length) {
    for (const auto& batch : all_order_scripts(length, batch_size)) {
      play_all(sum, batch);
      if (length <= longest_filtered) play_all(sum, batch, true);
    }
  }
  sum.tell("every short script");
}

/// The same turn closes the connection and stops the runtime: the last bytes are sent all the same, and then the FIN.
BOOST_AUTO_TEST_CASE(a_drain_goes_on_while_the_runtime_stops) {
  tally sum;
  for (const char* text : {"close,stop", "stop,close", "suspend,suspend,close,stop"}) {
    for (const bool dialled : {false, true}) {
      sum.play({.style = order_style::message, .dialled = dialled, .pace = order_pace::together},
               {*parse_order_script(text)});
    }
  }
  sum.tell("drains while the runtime stops");
}

BOOST_AUTO_TEST_CASE(random_long_scripts) {
  constexpr std::size_t scripts_per_batch = 100;
  if (std::getenv("SHOAL_ORDER_SCRIPT") != nullptr) return;
  tally sum;
  const std::size_t scripts = number_in("SHOAL_ORDER_RANDOM").value_or(5'000);
  for_each_seed(std::max<std::size_t>(scripts / scripts_per_batch, 1), [&](std::uint64_t seed) {
    sum.play(random_setting(seed), random_order_scripts(seed, scripts_per_batch));
  });
  sum.tell("random long scripts");
}

BOOST_AUTO_TEST_SUITE_END()
