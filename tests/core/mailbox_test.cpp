// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/mailbox.hpp>

#include <tests/core/mailboxes.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

using shoal::drain_budget;
using shoal::lane_capacity;
using shoal::mailbox;
using shoal::message;
using shoal::shard_id;
using shoal::test::mailboxes;
using shoal::test::parcel;

namespace {

using numbers = std::vector<int>;
constexpr std::array<shard_id, 3> first_three{0, 1, 2};

numbers counting(int count, int from = 0) {
  numbers all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), from);
  return all;
}

struct note : shoal::foreign_item {
  note(numbers& target, int what) : log(target), number(what) {}
  ~note() override { log.push_back(-number); }
  void run() override { log.push_back(number); }
  numbers& log;
  int number;
};

/// A suspended sender, that sends its parcel when it is told that there is room.
struct waiting_sender : shoal::run_item {
  waiting_sender(mailbox& from, shard_id to, parcel& what, numbers& order)
      : run_item([](run_item& item) { static_cast<waiting_sender&>(item).again(); }),
        from_(from),
        to_(to),
        what_(what),
        order_(order) {}
  void again() {
    if (from_.try_send(to_, what_)) {
      order_.push_back(what_.number);
    } else {
      from_.wait_for_room(to_, *this);
    }
  }

 private:
  mailbox& from_;
  shard_id to_;
  parcel& what_;
  numbers& order_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox_suite)

BOOST_AUTO_TEST_CASE(a_message_arrives_and_comes_back) {
  mailboxes boxes{2};
  parcel p{7};
  BOOST_TEST(boxes[0].try_send(1, p));
  BOOST_TEST(boxes[0].in_flight() == 1U);
  BOOST_TEST(boxes.drain(1) == 0U);  // not published yet
  boxes[0].publish_all();
  BOOST_TEST(boxes[1].has_mail());
  BOOST_TEST(boxes.drain(1) == 1U);
  BOOST_TEST((boxes.executed(1) == numbers{7}));
  BOOST_TEST(boxes.drain(0) == 0U);
  boxes[1].publish_all();
  BOOST_TEST(boxes.drain(0) == 1U);
  BOOST_TEST((boxes.completed(0) == numbers{7}));
  BOOST_TEST(boxes[0].in_flight() == 0U);
  BOOST_TEST(!boxes[0].has_mail());
  BOOST_TEST(!boxes[1].has_mail());
}

BOOST_AUTO_TEST_CASE(a_batch_leaves_by_itself_when_it_is_full) {
  mailboxes boxes{2};
  auto parcels = shoal::test::parcels(shoal::publish_batch);
  for (std::size_t i = 0; i + 1 < parcels.size(); ++i) BOOST_TEST(boxes[0].try_send(1, *parcels[i]));
  BOOST_TEST(!boxes[1].has_mail());
  BOOST_TEST(boxes[0].try_send(1, *parcels.back()));
  BOOST_TEST(boxes.drain(1) == shoal::publish_batch);
  boxes.settle();
  BOOST_TEST((boxes.completed(0) == counting(static_cast<int>(parcels.size()))));
}

BOOST_AUTO_TEST_CASE(order_is_kept_for_every_pair_under_any_interleaving) {
  constexpr std::size_t shards = 5;
  constexpr int each = 400;
  std::mt19937_64 random{shoal::test::seed()};
  mailboxes boxes{shards};
  std::vector<std::unique_ptr<parcel>> all;
  std::vector<numbers> sent(shards * shards);
  int left = each * static_cast<int>(shards);
  while (left > 0) {
    const auto from = static_cast<shard_id>(random() % shards);
    const auto to = static_cast<shard_id>((from + 1 + random() % (shards - 1)) % shards);
    switch (random() % 8) {
      case 0: boxes[from].publish_all(); break;
      case 1: boxes.drain(from); break;
      default: {
        auto& order = sent[from * shards + to];
        const int number = static_cast<int>(from) * 100'000 + static_cast<int>(order.size());
        auto p = std::make_unique<parcel>(number);
        if (!boxes[from].try_send(to, *p)) break;
        order.push_back(number);
        all.push_back(std::move(p));
        --left;
      }
    }
  }
  boxes.settle();
  for (std::size_t from = 0; from < shards; ++from) {
    BOOST_TEST(boxes[from].in_flight() == 0U);
    for (std::size_t to = 0; to < shards; ++to) {
      numbers arrived;
      std::ranges::copy_if(boxes.executed(to), std::back_inserter(arrived),
                           [&](int number) { return number / 100'000 == static_cast<int>(from); });
      BOOST_TEST((arrived == sent[from * shards + to]), from << " to " << to);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_lane_takes_its_capacity_and_says_when_it_is_full) {
  mailboxes boxes{2};
  auto parcels = shoal::test::parcels(lane_capacity + 1);
  for (std::size_t i = 0; i < lane_capacity; ++i) BOOST_REQUIRE(boxes[0].try_send(1, *parcels[i]));
  BOOST_TEST(!boxes[0].try_send(1, *parcels.back()));
  BOOST_TEST(boxes[0].counters().lane_full == 1U);
  BOOST_TEST(boxes[0].in_flight() == lane_capacity);
  // One comes back: one more fits.
  boxes[0].publish_all();
  boxes.drain(1);
  boxes[1].publish_all();
  boxes.drain(0);
  BOOST_TEST(boxes[0].try_send(1, *parcels.back()));
  boxes.settle();
  BOOST_TEST((boxes.executed(1) == counting(lane_capacity + 1)));
  BOOST_TEST(boxes[0].in_flight() == 0U);
}

BOOST_AUTO_TEST_CASE(a_turn_takes_its_budget_and_leaves_the_rest_for_the_next_without_another_ring) {
  mailboxes boxes{4};
  auto parcels = shoal::test::parcels(3U * lane_capacity);
  for (std::size_t i = 0; i < parcels.size(); ++i) {
    BOOST_REQUIRE(boxes[i % 3].try_send(3, *parcels[i]));
  }
  for (const shard_id from : first_three) boxes[from].publish_all();
  unsigned turns = 0;
  for (unsigned taken = 0; taken < parcels.size(); ++turns) {
    BOOST_REQUIRE(boxes[3].has_mail());
    const unsigned now = boxes.drain(3);
    BOOST_TEST(now <= drain_budget);
    BOOST_REQUIRE(now > 0U);
    taken += now;
  }
  BOOST_TEST(turns == (parcels.size() + drain_budget - 1) / drain_budget);
  BOOST_TEST(!boxes[3].has_mail());
  boxes.settle();
  for (const shard_id from : first_three) BOOST_TEST(boxes[from].in_flight() == 0U);
}

BOOST_AUTO_TEST_CASE(a_flood_from_one_shard_does_not_keep_the_others_waiting) {
  mailboxes boxes{4};
  for (const shard_id flooding : first_three) {
    auto flood = shoal::test::parcels(lane_capacity);
    for (auto& p : flood) BOOST_REQUIRE(boxes[flooding].try_send(3, *p));
    boxes[flooding].publish_all();
    const auto other = static_cast<shard_id>((flooding + 1) % 3);
    parcel urgent{-1};
    BOOST_REQUIRE(boxes[other].try_send(3, urgent));
    boxes[other].publish_all();
    // The flood would be refilled every turn; so the other must be served before it is over.
    boxes.executed(3).clear();
    boxes.drain(3);
    boxes.drain(3);
    BOOST_TEST(std::ranges::count(boxes.executed(3), -1) == 1, "flood from " << flooding);
    boxes.settle();
  }
}

BOOST_AUTO_TEST_CASE(a_refilled_flood_does_not_starve_the_others_for_ever) {
  mailboxes boxes{3};
  auto flood = shoal::test::parcels(lane_capacity);
  for (auto& p : flood) BOOST_REQUIRE(boxes[0].try_send(2, *p));
  boxes[0].publish_all();
  auto urgent = shoal::test::parcels(1, -1);
  BOOST_REQUIRE(boxes[1].try_send(2, *urgent.front()));
  boxes[1].publish_all();
  for (int turn = 0; turn < 4; ++turn) {
    boxes.drain(2);
    boxes[2].publish_all();
    boxes.completed(0).clear();
    boxes.drain(0);
    for (const int number : numbers(boxes.completed(0))) {
      BOOST_REQUIRE(boxes[0].try_send(2, *flood[static_cast<std::size_t>(number)]));
    }
    boxes[0].publish_all();
  }
  BOOST_TEST(std::ranges::count(boxes.executed(2), -1) == 1);
  boxes.settle();
}

BOOST_AUTO_TEST_CASE(senders_that_wait_for_room_go_first_come_first_served) {
  mailboxes boxes{2};
  auto parcels = shoal::test::parcels(2U * lane_capacity);
  for (std::size_t i = 0; i < lane_capacity; ++i) BOOST_REQUIRE(boxes[0].try_send(1, *parcels[i]));
  // Who gets his message back sends the next one at once, as a coroutine in a loop does.
  auto pushy = shoal::test::parcels(lane_capacity, 1'000'000);
  std::size_t pushed = 0;
  boxes.on_complete(0, [&](int) {
    if (pushed < pushy.size() && boxes[0].try_send(1, *pushy[pushed])) ++pushed;
  });
  numbers order;
  std::vector<std::unique_ptr<waiting_sender>> waiting;
  for (std::size_t i = lane_capacity; i < parcels.size(); ++i) {
    BOOST_REQUIRE(!boxes[0].try_send(1, *parcels[i]));
    waiting.push_back(std::make_unique<waiting_sender>(boxes[0], shard_id{1}, *parcels[i], order));
    boxes[0].wait_for_room(1, *waiting.back());
  }
  boxes[0].publish_all();
  boxes.drain(1);
  boxes[1].publish_all();
  boxes.drain(0);
  // As many as there was room for, in the order they came, and nobody pushed in between.
  BOOST_TEST((order == counting(static_cast<int>(drain_budget), lane_capacity)));
  BOOST_TEST(pushed == 0U);
  boxes.settle();
  BOOST_TEST((order == counting(lane_capacity, lane_capacity)));
  BOOST_TEST(pushed > 0U);
  BOOST_TEST(boxes[0].in_flight() == 0U);
}

BOOST_AUTO_TEST_CASE(replies_have_their_room_however_late_and_in_whatever_order) {
  mailboxes boxes{3};
  boxes.keep_requests(true);
  auto to_one = shoal::test::parcels(lane_capacity);
  auto from_one = shoal::test::parcels(lane_capacity, 10'000);
  for (std::size_t i = 0; i < lane_capacity; ++i) {
    BOOST_REQUIRE(boxes[0].try_send(1, *to_one[i]));
    BOOST_REQUIRE(boxes[1].try_send(0, *from_one[i]));
  }
  for (int turn = 0; turn < 4; ++turn) {
    for (const std::size_t id : {0U, 1U}) {
      boxes[id].publish_all();
      boxes.drain(id);
    }
  }
  BOOST_REQUIRE(boxes.executed(1).size() == lane_capacity);
  BOOST_REQUIRE(boxes.executed(0).size() == lane_capacity);
  boxes.keep_requests(false);
  boxes.reply_kept_backwards();  // all at once, with both lanes full both ways
  boxes.settle();
  auto expected = counting(lane_capacity);
  std::ranges::reverse(expected);
  BOOST_TEST((boxes.completed(0) == expected));
  BOOST_TEST(boxes[0].in_flight() == 0U);
  BOOST_TEST(boxes[1].in_flight() == 0U);
}

BOOST_AUTO_TEST_CASE(more_senders_than_one_word_of_bits) {
  constexpr std::size_t shards = 200;  // four words
  mailboxes boxes{shards};
  auto parcels = shoal::test::parcels(shards);
  for (shard_id from = 1; from < shards; ++from) {
    BOOST_REQUIRE(boxes[from].try_send(0, *parcels[from]));
    boxes[from].publish_all();
  }
  boxes.settle();
  auto arrived = boxes.executed(0);
  std::ranges::sort(arrived);
  BOOST_TEST((arrived == counting(shards - 1, 1)));
  for (shard_id from = 1; from < shards; ++from) BOOST_TEST(boxes[from].in_flight() == 0U);
}

BOOST_AUTO_TEST_CASE(a_sleeper_is_woken_once_and_who_is_awake_never) {
  for (const auto fence : {shoal::choose_fence(), shoal::fence_kind::read_modify_write}) {
    mailboxes boxes{3, fence};
    auto parcels = shoal::test::parcels(4);
    BOOST_REQUIRE(boxes[0].try_send(2, *parcels[0]));
    boxes[0].publish_all();
    BOOST_TEST(boxes.wakes(2) == 0);
    BOOST_TEST(!boxes[2].fall_asleep());  // there is mail
    boxes.drain(2);
    BOOST_TEST(boxes[2].fall_asleep());
    BOOST_REQUIRE(boxes[0].try_send(2, *parcels[1]));
    BOOST_TEST(boxes.wakes(2) == 0);  // nothing published
    boxes[0].publish_all();
    BOOST_TEST(boxes.wakes(2) == 1);
    BOOST_REQUIRE(boxes[1].try_send(2, *parcels[2]));
    boxes[1].publish_all();
    BOOST_TEST(boxes.wakes(2) == 1);
    boxes[2].wake_up();
    boxes.settle();
    BOOST_TEST(boxes[2].fall_asleep());
    numbers log;
    std::unique_ptr<shoal::foreign_item> item = std::make_unique<note>(log, 1);
    BOOST_TEST(boxes[2].post_foreign(item));
    BOOST_TEST(boxes.wakes(2) == 2);
    boxes[2].wake_up();
    boxes.settle();
    BOOST_TEST(boxes.wakes(2) == 2);
  }
}

BOOST_AUTO_TEST_CASE(a_batch_that_has_gone_rings_nobody_again) {
  mailboxes boxes{2};
  const auto sent = shoal::test::parcels(shoal::publish_batch);
  BOOST_REQUIRE(boxes[1].fall_asleep());
  for (const auto& p : sent) BOOST_TEST(boxes[0].try_send(1, *p));
  BOOST_TEST(boxes.wakes(1) == 1);
  boxes[1].wake_up();
  boxes.drain(1);
  BOOST_REQUIRE(boxes[1].fall_asleep());
  boxes[0].publish_all();  // the end of the sender's turn
  BOOST_TEST(boxes.wakes(1) == 1);
  boxes[1].wake_up();
  boxes.settle();
}

BOOST_AUTO_TEST_CASE(a_look_at_the_last_sender_leaves_the_others_their_mail) {
  mailboxes boxes{3};
  const auto sent = shoal::test::parcels(4);
  const auto send = [&](shard_id from, std::size_t which) {
    BOOST_TEST(boxes[from].try_send(0, *sent[which]));
    boxes[from].publish_all();
  };
  const auto drain_recent = [&](unsigned budget) {
    parcel::draining = 0;
    return boxes[0].drain_recent(budget);
  };
  BOOST_TEST(drain_recent(10) == 0U);  // nobody has sent yet
  send(2, 0);
  BOOST_TEST(boxes.drain(0) == 1U);
  send(1, 1);
  send(2, 2);
  send(2, 3);
  BOOST_TEST(drain_recent(1) == 1U);
  BOOST_TEST(drain_recent(10) == 1U);
  BOOST_TEST(drain_recent(10) == 0U);
  BOOST_TEST((boxes.executed(0) == numbers{0, 2, 3}));
  BOOST_TEST(!boxes[0].fall_asleep());
  BOOST_TEST(boxes.drain(0) == 1U);
  BOOST_TEST((boxes.executed(0) == numbers{0, 2, 3, 1}));
  boxes.settle();
  BOOST_TEST(!boxes[0].has_mail());
}

BOOST_AUTO_TEST_CASE(foreign_items_run_in_order_and_are_refused_after_the_end) {
  numbers log;
  {
    mailboxes boxes{1};
    for (const int number : {1, 2, 3}) {
      std::unique_ptr<shoal::foreign_item> item = std::make_unique<note>(log, number);
      BOOST_TEST(boxes[0].post_foreign(item));
      BOOST_TEST(!item);
    }
    BOOST_TEST(boxes[0].has_mail());
    BOOST_TEST(boxes.drain(0) == 3U);
    BOOST_TEST((log == numbers{1, -1, 2, -2, 3, -3}));
    log.clear();
    std::unique_ptr<shoal::foreign_item> queued = std::make_unique<note>(log, 4);
    BOOST_TEST(boxes[0].post_foreign(queued));
    boxes[0].close_foreign();
    std::unique_ptr<shoal::foreign_item> late = std::make_unique<note>(log, 5);
    BOOST_TEST(!boxes[0].post_foreign(late));
    BOOST_TEST(static_cast<bool>(late));
    boxes.drain(0);
    BOOST_TEST((log == numbers{4, -4}));
  }
  BOOST_TEST((log == numbers{4, -4, -5}));
}

BOOST_AUTO_TEST_CASE(foreign_items_that_nobody_ran_are_freed) {
  numbers log;
  {
    mailboxes boxes{1};
    for (const int number : {1, 2, 3}) {
      std::unique_ptr<shoal::foreign_item> item = std::make_unique<note>(log, number);
      BOOST_TEST(boxes[0].post_foreign(item));
    }
  }
  BOOST_TEST(log.size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
