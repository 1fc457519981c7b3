// SPDX-License-Identifier: Apache-2.0
// What a mailbox tells about its lanes, what passes a full one, and as many of them as there can be.
#include <shoal/core/mailbox.hpp>
#include <tests/core/mailboxes.hpp>

#include <boost/test/unit_test.hpp>

#include <deque>
#include <numeric>
#include <vector>

using shoal::lane_capacity;
using shoal::lane_slots;
using shoal::mailbox;
using shoal::shard_id;
using shoal::urgent_slots;
using shoal::test::mailboxes;
using shoal::test::parcel;

namespace {

using numbers = std::vector<int>;

numbers counting(int count, int from) {
  numbers all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), from);
  return all;
}

/// Sends its parcel to shard 1, as soon as there is room.
struct patient_sender : shoal::run_item {
  patient_sender(mailbox& from, parcel& what, bool is_urgent, numbers& order)
      : run_item([](run_item& item) { static_cast<patient_sender&>(item).send(); }),
        from_(from),
        what_(what),
        urgent_(is_urgent),
        order_(order) {}
  void send() {
    if (urgent_ ? from_.try_send_urgent(1, what_) : from_.try_send(1, what_)) return order_.push_back(what_.number);
    urgent_ ? from_.wait_for_urgent_room(1, *this) : from_.wait_for_room(1, *this);
  }

 private:
  mailbox& from_;
  parcel& what_;
  bool urgent_;
  numbers& order_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox_lanes)

BOOST_AUTO_TEST_CASE(lanes_tell_their_depth_their_batches_and_how_often_they_were_full) {
  mailboxes boxes{4};
  BOOST_TEST(boxes[0].lanes().empty());
  auto few = shoal::test::parcels(5);
  for (auto& p : few) BOOST_REQUIRE(boxes[0].try_send(3, *p));
  boxes[0].publish_all();
  auto many = shoal::test::parcels(lane_capacity + 1);
  for (std::size_t i = 0; i < lane_capacity; ++i) BOOST_REQUIRE(boxes[0].try_send(1, *many[i]));
  numbers order;
  patient_sender last{boxes[0], *many[lane_capacity], false, order};
  last.send();
  auto lanes = boxes[0].lanes();
  BOOST_REQUIRE(lanes.size() == 2U);  // the one to shard 2 was never used
  BOOST_TEST(lanes[0].to == 1);
  BOOST_TEST(lanes[0].depth == lane_capacity);
  BOOST_TEST(lanes[0].waiting == 1U);
  BOOST_TEST(lanes[0].found_full == 1U);
  BOOST_TEST(lanes[0].sent == lane_capacity);
  BOOST_TEST(lanes[0].batches == lane_capacity / shoal::publish_batch);
  BOOST_TEST(lanes[1].to == 3);
  BOOST_TEST(lanes[1].depth == 5U);
  BOOST_TEST(lanes[1].batches == 1U);
  boxes.settle();
  lanes = boxes[0].lanes();
  BOOST_TEST(lanes[0].depth == 0U);
  BOOST_TEST(lanes[0].deepest == lane_capacity);
  BOOST_TEST(lanes[0].waiting == 0U);
  BOOST_TEST(lanes[0].sent == lane_capacity + 1);
  BOOST_TEST(lanes[1].deepest == 5U);
  BOOST_TEST(boxes[1].lanes().empty());  // it only replied
}

BOOST_AUTO_TEST_CASE(urgent_messages_pass_a_lane_full_of_others) {
  mailboxes boxes{2};
  boxes.keep_requests(true);
  auto slow = shoal::test::parcels(lane_capacity);
  for (auto& p : slow) BOOST_REQUIRE(boxes[0].try_send(1, *p));
  boxes.settle();
  parcel one_more{-1};
  BOOST_TEST(!boxes[0].try_send(1, one_more));
  boxes.keep_requests(false);
  numbers sent;
  auto urgent = shoal::test::parcels(100, 1'000);
  std::deque<patient_sender> senders;
  for (auto& p : urgent) senders.emplace_back(boxes[0], *p, true, sent).send();
  BOOST_TEST(sent.size() == urgent_slots);
  BOOST_TEST(boxes[0].lanes().front().waiting == 100 - urgent_slots);
  boxes.settle();
  BOOST_TEST((sent == counting(100, 1'000)));
  BOOST_TEST((boxes.completed(0) == counting(100, 1'000)));
  BOOST_TEST(!boxes[0].try_send(1, one_more));  // what is kept for them is not for others
  boxes.reply_kept_backwards();
  boxes.settle();
  BOOST_TEST(boxes[0].in_flight() == 0U);
  BOOST_TEST(boxes[0].lanes().front().deepest == lane_slots);
}

// From every shard to one, through every word of the mail bitmap. Only pairs that talk have a lane.
BOOST_AUTO_TEST_CASE(as_many_shards_as_a_runtime_may_have) {
  mailboxes boxes{shoal::max_shards};
  BOOST_TEST(boxes[5].shards() == 1024U);
  auto parcels = shoal::test::parcels(shoal::max_shards);
  for (std::size_t i = 0; i < shoal::max_shards; ++i) {
    if (i != 700) BOOST_REQUIRE(boxes[i].try_send(700, *parcels[i]));
  }
  boxes.settle();
  BOOST_TEST(boxes.executed(700).size() == shoal::max_shards - 1);
  std::size_t back = 0;
  for (std::size_t i = 0; i < shoal::max_shards; ++i) back += boxes.completed(i).size();
  BOOST_TEST(back == shoal::max_shards - 1);
  for (const shard_id i : {shard_id{0}, shard_id{1023}}) {
    BOOST_REQUIRE(boxes[i].lanes().size() == 1U);
    BOOST_TEST(boxes[i].lanes().front().to == 700);
  }
}

BOOST_AUTO_TEST_SUITE_END()
