// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/lane.hpp>

#include <boost/test/unit_test.hpp>

#include <deque>
#include <thread>
#include <vector>

using shoal::lane;
using shoal::lane_slots;
using shoal::message;
using shoal::message_ring;

namespace {

struct numbered : message {
  explicit numbered(std::uint64_t what) : message(nullptr, nullptr), number(what) {}
  std::uint64_t number;
};

std::uint64_t number_of(const message& m) { return static_cast<const numbered&>(m).number; }

}  // namespace

BOOST_AUTO_TEST_SUITE(lane_suite)

BOOST_AUTO_TEST_CASE(nothing_is_seen_before_it_is_published) {
  message_ring ring;
  numbered first{1};
  numbered second{2};
  ring.push(first);
  ring.push(second);
  BOOST_TEST(ring.unpublished() == 2U);
  BOOST_TEST(ring.empty());
  BOOST_TEST(ring.pop() == nullptr);
  ring.publish();
  BOOST_TEST(ring.unpublished() == 0U);
  BOOST_TEST(!ring.empty());
  BOOST_TEST(ring.pop() == &first);
  BOOST_TEST(ring.pop() == &second);
  BOOST_TEST(ring.pop() == nullptr);
  BOOST_TEST(ring.empty());
}

BOOST_AUTO_TEST_CASE(a_full_ring_keeps_every_message_however_often_it_wraps) {
  message_ring ring;
  std::deque<numbered> messages;
  for (std::uint64_t i = 0; i < lane_slots; ++i) messages.emplace_back(i);
  std::uint64_t wrong = 0;
  for (std::uint64_t round = 0; round < 20; ++round) {
    // An odd step each time, so that the full ring starts at another slot.
    for (std::uint64_t i = 0; i < round * 7; ++i) {
      ring.push(messages[0]);
      ring.publish();
      wrong += ring.pop() != &messages[0];
    }
    for (auto& m : messages) ring.push(m);
    ring.publish();
    for (std::uint64_t i = 0; i < lane_slots; ++i) {
      const message* m = ring.pop();
      wrong += m == nullptr || number_of(*m) != i;
    }
    wrong += ring.pop() != nullptr;
  }
  BOOST_TEST(wrong == 0U);
}

// What the lane promises, with the protocol of its owner: never more than lane_slots in flight, replies come back
// on the other ring. Under the thread sanitizer this is the proof that the two sides share nothing else.
BOOST_AUTO_TEST_CASE(two_threads_keep_the_order_both_ways) {
  constexpr std::uint64_t total = 300'000;
  lane street;
  std::uint64_t wrong_requests = 0;
  std::thread receiver([&] {
    for (std::uint64_t next = 0; next < total;) {
      message* m = street.requests.pop();
      if (m == nullptr) {
        street.replies.publish();
        std::this_thread::yield();
        continue;
      }
      wrong_requests += number_of(*m) != next;
      static_cast<numbered*>(m)->number += total;  // the receiver owns it until it replies
      street.replies.push(*m);
      if (++next % 5 == 0) street.replies.publish();
    }
    street.replies.publish();
  });
  std::deque<numbered> nodes;
  std::vector<numbered*> free;
  for (std::uint32_t i = 0; i < lane_slots; ++i) free.push_back(&nodes.emplace_back(0));
  std::uint64_t wrong_replies = 0;
  std::uint64_t sent = 0;
  for (std::uint64_t back = 0; back < total;) {
    while (!free.empty() && sent < total) {
      numbered* m = free.back();
      free.pop_back();
      m->number = sent++;
      street.requests.push(*m);
      if (sent % 3 == 0) street.requests.publish();
    }
    street.requests.publish();
    message* m = street.replies.pop();
    if (m == nullptr) {
      std::this_thread::yield();
      continue;
    }
    wrong_replies += number_of(*m) != back++ + total;
    free.push_back(static_cast<numbered*>(m));
  }
  receiver.join();
  BOOST_TEST(wrong_requests == 0U);
  BOOST_TEST(wrong_replies == 0U);
  BOOST_TEST(free.size() == lane_slots);
}

BOOST_AUTO_TEST_SUITE_END()
