// SPDX-License-Identifier: Apache-2.0
// The cache of names: how long answers live, who joins whom, what is never asked, and its limits.
#include <shoal/net/caching_resolver.hpp>

#include <shoal/net/resolve.hpp>
#include <tests/core/solo_shard.hpp>
#include <tests/net/hand_resolver.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

using shoal::caching_resolver;
using shoal::errc;
using shoal::fail;
using shoal::name_answer;
using shoal::name_question;
using shoal::record_kind;
using shoal::resolver_limits;
using shoal::result;
using shoal::test::hand_resolver;
using shoal::test::numbered;
using shoal::test::solo_shard;
using namespace std::chrono_literals;

namespace {

class asker final : public name_question {
 public:
  explicit asker(std::string_view name, record_kind kind = record_kind::ipv4) : name_question(name, kind) {}
  void answered(const result<name_answer>& outcome) noexcept override {
    ++times;
    got = outcome;
  }
  [[nodiscard]] std::error_code error() const { return got && !*got ? got->error() : std::error_code{}; }
  /// The last byte of the first address; -1 without.
  [[nodiscard]] int number() const {
    if (!got || !*got) return -1;
    return (*got)->addresses.front()[kind() == record_kind::ipv4 ? 3 : 15];
  }
  int times = 0;
  std::optional<result<name_answer>> got;
};

/// A cache on a shard whose time the test sets, and the hands behind it.
struct rig {
  explicit rig(const resolver_limits& limits = {}) {
    auto made = std::make_unique<hand_resolver>();
    hands = made.get();
    cache = std::make_unique<caching_resolver>(*here, std::move(made), limits);
  }
  void pass(shoal::duration time) {
    here.machine().time += time;
    here->turn(false);
  }
  solo_shard here;
  hand_resolver* hands = nullptr;
  std::unique_ptr<caching_resolver> cache;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(caching_resolver_suite)

BOOST_AUTO_TEST_CASE(an_answer_lives_as_long_as_its_ttl) {
  rig r;
  asker first{"db.example"};
  r.cache->ask(first);
  BOOST_TEST(first.is_pending());
  r.hands->answer(numbered(1, 30s));
  BOOST_TEST(first.number() == 1);
  r.pass(29s);
  asker second{"db.example"};
  r.cache->ask(second);
  BOOST_TEST(second.number() == 1);
  BOOST_TEST(r.hands->asked.size() == 1U);
  r.pass(1s);
  asker third{"db.example"};
  r.cache->ask(third);
  BOOST_TEST(third.is_pending());
  r.hands->answer(numbered(2, 30s));
  BOOST_TEST(third.number() == 2);
  BOOST_TEST(r.cache->size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_ttl_is_kept_within_its_limits) {
  rig r;
  asker none{"none.example"};
  asker week{"week.example"};
  r.cache->ask(none);
  r.hands->answer(numbered(1, 0s));
  r.cache->ask(week);
  r.hands->answer(numbered(2, 168h));
  r.pass(900ms);
  r.cache->ask(none);
  BOOST_TEST(none.times == 2);
  r.pass(100ms);
  r.cache->ask(none);
  BOOST_TEST(none.is_pending());
  r.pass(1h);
  r.cache->ask(week);
  BOOST_TEST(week.is_pending());
}

BOOST_AUTO_TEST_CASE(who_asks_meanwhile_joins) {
  rig r;
  asker one{"db.example"};
  asker two{"DB.Example"};
  asker gone{"db.example"};
  asker other_kind{"db.example", record_kind::ipv6};
  for (asker* a : {&one, &two, &gone, &other_kind}) r.cache->ask(*a);
  gone.cancel();
  BOOST_TEST(r.hands->asked.size() == 2U);
  BOOST_TEST(r.cache->counters().joined == 2U);
  r.hands->answer(numbered(7, 30s));
  BOOST_TEST(one.number() == 7);
  BOOST_TEST(two.number() == 7);
  BOOST_TEST(gone.times == 0);
  BOOST_TEST(other_kind.is_pending());
}

BOOST_AUTO_TEST_CASE(a_question_that_everybody_gave_up_is_still_worth_its_answer) {
  rig r;
  {
    asker brief{"db.example"};
    r.cache->ask(brief);
  }
  r.hands->answer(numbered(3, 30s));
  asker later{"db.example"};
  r.cache->ask(later);
  BOOST_TEST(later.number() == 3);
  BOOST_TEST(r.hands->asked.size() == 1U);
}

BOOST_AUTO_TEST_CASE(errors_are_kept_for_a_short_time) {
  rig r;
  asker gone{"gone.example"};
  asker broken{"broken.example"};
  r.cache->ask(gone);
  r.hands->answer(fail(errc::name_not_found));
  r.cache->ask(broken);
  r.hands->answer(fail(errc::name_server_failed));
  r.pass(900ms);
  r.cache->ask(gone);
  r.cache->ask(broken);
  BOOST_TEST((gone.error() == errc::name_not_found));
  BOOST_TEST((broken.error() == errc::name_server_failed));
  BOOST_TEST(r.hands->asked.size() == 2U);
  r.pass(100ms);
  r.cache->ask(gone);
  r.cache->ask(broken);
  BOOST_TEST(!gone.is_pending());
  BOOST_TEST(broken.is_pending());
  r.pass(4s);
  r.cache->ask(gone);
  BOOST_TEST(gone.is_pending());
}

BOOST_AUTO_TEST_CASE(numbers_and_localhost_are_nobodys_business) {
  rig r;
  asker v4{"192.0.2.9"};
  asker v6{"2001:db8::9", record_kind::ipv6};
  asker wrong{"192.0.2.9", record_kind::ipv6};
  asker local{"LocalHost"};
  asker below{"x.localhost.", record_kind::ipv6};
  for (asker* a : {&v4, &v6, &wrong, &local, &below}) r.cache->ask(*a);
  BOOST_TEST(v4.number() == 9);
  BOOST_TEST(v6.number() == 9);
  BOOST_TEST((wrong.error() == errc::no_address));
  BOOST_TEST(local.number() == 1);
  BOOST_TEST(below.number() == 1);
  BOOST_TEST(r.hands->asked.empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_name_is_refused) {
  rig r;
  const std::string long_label(64, 'a');
  const std::string long_name =
      std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." + std::string(62, 'd');
  for (const std::string& name :
       {std::string{}, std::string{"."}, std::string{"a..b"}, std::string{".a"}, std::string{"a b"},
        std::string("a\0b", 3), std::string{"a/b"}, long_label, long_name}) {
    asker a{name};
    r.cache->ask(a);
    BOOST_TEST((a.error() == errc::invalid_argument));
  }
  BOOST_TEST(r.hands->asked.empty());
  asker longest{std::string_view{long_name}.substr(0, 253)};
  r.cache->ask(longest);
  asker rooted{"db.example."};
  r.cache->ask(rooted);
  BOOST_TEST(longest.is_pending());
  BOOST_TEST(rooted.is_pending());
}

BOOST_AUTO_TEST_CASE(the_longest_unused_answer_makes_room) {
  rig r{{.max_names = 2}};
  asker a{"a.example"};
  asker b{"b.example"};
  r.cache->ask(a);
  r.hands->answer(numbered(1, 1h));
  r.cache->ask(b);
  r.hands->answer(numbered(2, 1h));
  r.cache->ask(a);  // used again
  asker c{"c.example"};
  r.cache->ask(c);
  BOOST_TEST(r.cache->size() == 2U);
  BOOST_TEST(r.cache->counters().evicted == 1U);
  r.cache->ask(a);
  BOOST_TEST(a.times == 3);
  // a is the only answer left; after it everything is under way.
  r.cache->ask(b);
  asker d{"d.example"};
  r.cache->ask(d);
  BOOST_TEST((d.error() == errc::would_block));
}

BOOST_AUTO_TEST_CASE(stop_answers_everybody) {
  rig r;
  asker waiting{"db.example"};
  r.cache->ask(waiting);
  r.cache->stop();
  BOOST_TEST((waiting.error() == errc::stopped));
  asker late{"db.example"};
  r.cache->ask(late);
  BOOST_TEST((late.error() == errc::stopped));
  BOOST_TEST(r.hands->stopped);
}

BOOST_AUTO_TEST_CASE(resolve_gives_both_kinds) {
  rig r;
  shoal::resolve_options options{.port = 80, .names = r.cache.get()};
  auto work = shoal::resolve("db.example", options);
  shoal::test::end_note end;
  BOOST_REQUIRE(!work.start(end));
  BOOST_TEST((r.hands->asked == std::vector<std::string>{"6 db.example", "4 db.example"}));
  r.hands->answer(numbered(6, 20s, record_kind::ipv6));
  BOOST_TEST(end.count == 0);
  r.hands->answer(numbered(4, 10s));
  r.pass(0s);
  BOOST_REQUIRE(end.count == 1);
  const auto found = work.take();
  BOOST_REQUIRE(found.has_value());
  BOOST_REQUIRE(found->addresses.size() == 2U);
  BOOST_TEST(to_string(found->addresses[0]) == "[fd00::6]:80");
  BOOST_TEST(to_string(found->addresses[1]) == "10.0.0.4:80");
  BOOST_TEST((found->ttl == 10s));
  // One that is known by now, and one kind only.
  options.families = shoal::address_families::ipv4;
  const auto again = r.here.run(shoal::resolve("db.example", options));
  BOOST_TEST(again->addresses.size() == 1U);
}

BOOST_AUTO_TEST_CASE(resolve_ends_in_time_and_when_told) {
  rig r;
  shoal::resolve_options options{.timeout = 100ms, .names = r.cache.get()};
  const auto late = r.here.run(shoal::resolve("silent.example", options));
  BOOST_TEST((late.error() == errc::resolve_timeout));
  std::stop_source stop;
  options.stop = stop.get_token();
  auto work = shoal::resolve("silent.example", options);
  shoal::test::end_note end;
  BOOST_REQUIRE(!work.start(end));
  stop.request_stop();
  r.pass(0s);
  BOOST_REQUIRE(end.count == 1);
  BOOST_TEST((work.take().error() == errc::cancelled));
  BOOST_TEST((r.here.run(shoal::resolve("other.example", options)).error() == errc::cancelled));
  // Half an answer is better than none.
  options.stop = {};
  auto half = shoal::resolve("half.example", options);
  shoal::test::end_note half_end;
  BOOST_REQUIRE(!half.start(half_end));
  while (r.hands->pending.front()->name() != "half.example") r.hands->answer(fail(errc::name_server_failed));
  r.hands->answer(numbered(6, 20s, record_kind::ipv6));
  while (half_end.count == 0) r.here.turn();
  BOOST_TEST(half.take()->addresses.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
