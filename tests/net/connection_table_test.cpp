// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/connection_table.hpp>

#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>
#include <vector>

using shoal::connection;
using shoal::connection_id;
using shoal::connection_table;
using shoal::shard;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;

BOOST_AUTO_TEST_SUITE(connection_table_suite)

static_assert(sizeof(connection_id) == 8);

BOOST_AUTO_TEST_CASE(a_stale_id_never_finds_another_connection) {
  net_rig rig{wire::plain};
  rig.start();
  std::set<std::uint32_t> slots;
  std::vector<connection_id> stale;
  for (int i = 0; i < 10; ++i) {
    peer client = rig.connect();
    BOOST_TEST(rig.until([] { return net_rig::open_here() == 1; }));
    const auto id = rig.with_connection([](connection& c) { return c.id(); });
    BOOST_TEST(static_cast<bool>(id));
    BOOST_TEST(rig.on_shard([id] {
      const connection* found = shard::current().local<connection_table>().find(id);
      return found != nullptr && found->id() == id;
    }));
    BOOST_TEST(rig.on_shard([stale] {
      return std::ranges::none_of(
          stale, [](connection_id old) { return shard::current().local<connection_table>().find(old) != nullptr; });
    }));
    slots.insert(id.slot);
    stale.push_back(id);
    client.close();
    BOOST_TEST(rig.until([] { return net_rig::open_here() == 0; }));
  }
  BOOST_TEST(slots.size() == 1U);  // a slot is used again, under another generation
}

BOOST_AUTO_TEST_CASE(ids_of_nothing_of_other_shards_and_of_unused_slots_find_nothing) {
  net_rig rig{wire::plain};
  rig.start();
  peer client = rig.connect();
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 1; }));
  BOOST_TEST(rig.with_connection([](connection& c) {
    auto& table = shard::current().local<connection_table>();
    const auto id = c.id();
    return table.find(connection_id{}) == nullptr && table.find(connection_id(1, id.slot, id.generation)) == nullptr &&
           table.find(connection_id(0, id.slot + 1U, id.generation)) == nullptr &&
           table.find(connection_id(0, id.slot, id.generation + 1)) == nullptr;
  }));
}

BOOST_AUTO_TEST_CASE(quick_closes_leave_no_entry) {
  net_rig rig{wire::plain};
  rig.start();
  for (int i = 0; i < 100; ++i) {
    peer client = rig.connect();
    if (i % 2 == 0) client.reset();
  }
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 0; }));
}

BOOST_AUTO_TEST_SUITE_END()
