// SPDX-License-Identifier: Apache-2.0
// shard::local<T>(): one T per shard, made on first use.
#include <shoal/core/shard.hpp>
#include <tests/core/stepped_shards.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using shoal::shard;
using shoal::test::solo_shard;
using shoal::test::stepped_shards;

namespace {

using words = std::vector<std::string>;

words& local_log() {
  static words log;
  return log;
}

struct inner_local {
  explicit inner_local(shard&) { local_log().emplace_back("inner made"); }
  ~inner_local() { local_log().emplace_back("inner gone"); }
  int value = 1;
};
struct outer_local {
  explicit outer_local(shard& here) : inner(here.local<inner_local>()) { local_log().emplace_back("outer made"); }
  ~outer_local() {
    // What it was made from is still there.
    local_log().push_back("outer gone, inner " + std::to_string(inner.value));
  }
  void stop() { local_log().emplace_back("outer stopped"); }
  inner_local& inner;
};

/// Its stop() needs a local that nobody has asked for yet.
struct late_user {
  explicit late_user(shard& s) : here(s) {}
  void stop() { here.local<inner_local>().value = 7; }
  shard& here;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(shard_locals_suite)

BOOST_AUTO_TEST_CASE(locals_are_made_once_and_go_in_reverse) {
  local_log().clear();
  {
    solo_shard here;
    auto& outer = here->local<outer_local>();
    BOOST_TEST(&outer == &here->local<outer_local>());
    BOOST_TEST(&outer.inner == &here->local<inner_local>());
    here->stop_locals();
  }
  BOOST_TEST((local_log() == words{"inner made", "outer made", "outer stopped", "outer gone, inner 1", "inner gone"}));
}

BOOST_AUTO_TEST_CASE(each_shard_has_locals_of_its_own) {
  stepped_shards shards{2};
  shards[0].local<inner_local>().value = 5;
  BOOST_TEST(shards[1].local<inner_local>().value == 1);
}

BOOST_AUTO_TEST_CASE(a_local_may_be_made_while_they_stop) {
  solo_shard here;
  static_cast<void>(here->local<late_user>());
  here->stop_locals();
  BOOST_TEST(here->local<inner_local>().value == 7);
}

BOOST_AUTO_TEST_SUITE_END()
