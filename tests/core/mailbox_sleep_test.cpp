// SPDX-License-Identifier: Apache-2.0
// Mailboxes on threads of their own that fall asleep at random moments: no message may be lost, none may come out of
// order, and nobody may sleep while there is mail for him.
#include <shoal/core/mailbox.hpp>
#include <tests/core/still_poller.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <semaphore>
#include <thread>
#include <vector>

using shoal::fence_kind;
using shoal::mailbox;
using shoal::message;
using shoal::shard_id;

namespace {

#if SHOAL_TSAN
constexpr unsigned messages_each = 30'000;
#else
constexpr unsigned messages_each = 300'000;
#endif
constexpr unsigned posts_each = messages_each / 20;
constexpr std::chrono::seconds patience{20};

/// Sleeps on a semaphore. wake() and sleep() are all of a poller that a mailbox's owner needs.
class bed final : public shoal::test::still_poller {
 public:
  void wake() noexcept override { token_.release(); }
  /// False when nobody woke it for far too long.
  [[nodiscard]] bool sleep() { return token_.try_acquire_for(patience); }

 private:
  std::counting_semaphore<> token_{0};
};

class station;

struct traveller : message {
  explicit traveller(station& from) : message(&traveller::arrived, &traveller::returned), home(from) {}
  static void arrived(message& m);
  static void returned(message& m);
  station& home;
  shard_id to = shoal::no_shard;
  std::uint64_t number = 0;  // of its pair
};

/// A mailbox, the thread that owns it, and what it has seen go wrong.
class station {
 public:
  station(shard_id id, std::size_t stations, fence_kind fence, std::uint64_t seed)
      : mail(id, stations, fence),
        id_(id),
        random_(static_cast<std::minstd_rand::result_type>(seed + id)),
        sent_(stations),
        arrived_(stations),
        returned_(stations) {}

  /// Until everybody has sent all and got all back.
  void run(const std::vector<std::unique_ptr<station>>& all, std::atomic<unsigned>& finished) {
    here = this;
    bool counted = false;
    while (finished.load() != all.size()) {
      const unsigned taken = mail.drain();
      const bool sent = random_() % 4 != 0 && send_some();
      if (random_() % 8 != 0) mail.publish_all();
      if (!counted && total_ == messages_each && mail.in_flight() == 0 && posts == posts_each) {
        counted = true;
        if (finished.fetch_add(1) + 1 == all.size()) {
          for (const auto& s : all) s->place.wake();
        }
      }
      pause();
      const bool nobody_would_wake_me = total_ < messages_each && mail.in_flight() == 0;
      if (taken != 0 || (sent && random_() % 2 != 0) || nobody_would_wake_me) continue;
      mail.publish_all();
      if (!mail.fall_asleep()) continue;
      if (!place.sleep()) ++overslept;
      mail.wake_up();
    }
  }

  void on_arrival(traveller& t) {
    if (t.to != id_) ++misplaced;
    if (t.number != arrived_[t.sender]++) ++misordered;
    if (random_() % 16 == 0) pause();
    mail.reply(t);
  }
  void on_return(traveller& t) {
    if (&t.home != this) ++misplaced;
    if (t.number != returned_[t.to]++) ++misordered;
    free_.push_back(&t);
  }

  static thread_local station* here;
  mailbox mail;
  bed place;
  unsigned posts = 0;
  unsigned misordered = 0;
  unsigned misplaced = 0;
  unsigned overslept = 0;

 private:
  bool send_some() {
    bool sent = false;
    for (auto burst = random_() % 40; burst > 0 && total_ < messages_each; --burst) {
      const auto to = static_cast<shard_id>((id_ + 1 + random_() % (sent_.size() - 1)) % sent_.size());
      if (free_.empty()) free_.push_back(nodes_.emplace_back(std::make_unique<traveller>(*this)).get());
      traveller& t = *free_.back();
      t.to = to;
      t.number = sent_[to];
      if (!mail.try_send(to, t)) break;
      free_.pop_back();
      ++sent_[to];
      ++total_;
      sent = true;
    }
    return sent;
  }
  void pause() {
    const auto how = random_() % 64;
    if (how == 0) std::this_thread::yield();
    if (how != 1) return;
    for (auto spin = random_() % 1'000; spin > 0; --spin) std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  shard_id id_;
  std::minstd_rand random_;
  std::vector<std::uint64_t> sent_;
  std::vector<std::uint64_t> arrived_;
  std::vector<std::uint64_t> returned_;
  unsigned total_ = 0;
  std::vector<std::unique_ptr<traveller>> nodes_;
  std::vector<traveller*> free_;
};

thread_local station* station::here = nullptr;
void traveller::arrived(message& m) { station::here->on_arrival(static_cast<traveller&>(m)); }
void traveller::returned(message& m) { station::here->on_return(static_cast<traveller&>(m)); }

struct postcard : shoal::foreign_item {
  postcard(station& target, unsigned what) : to(target), number(what) {}
  void run() override {
    if (to.posts++ != number) ++to.misordered;
    if (station::here != &to) ++to.misplaced;
  }
  station& to;
  unsigned number;
};

void post_to_all(const std::vector<std::unique_ptr<station>>& all, unsigned& refused) {
  for (unsigned number = 0; number < posts_each; ++number) {
    for (const auto& s : all) {
      std::unique_ptr<shoal::foreign_item> item = std::make_unique<postcard>(*s, number);
      if (!s->mail.post_foreign(item)) ++refused;
    }
    if (number % 16 == 0) std::this_thread::yield();
  }
}

void travel(std::size_t stations, fence_kind fence) {
  std::vector<std::unique_ptr<station>> all;
  std::vector<mailbox*> boxes;
  for (std::size_t i = 0; i < stations; ++i) {
    all.push_back(std::make_unique<station>(static_cast<shard_id>(i), stations, fence, shoal::test::seed()));
    boxes.push_back(&all.back()->mail);
  }
  for (const auto& s : all) s->mail.connect(boxes, s->place);
  std::atomic<unsigned> finished{0};
  std::vector<std::thread> threads;
  for (const auto& s : all) threads.emplace_back([&, &self = *s] { self.run(all, finished); });
  unsigned refused = 0;
  threads.emplace_back([&] { post_to_all(all, refused); });
  for (auto& t : threads) t.join();
  BOOST_TEST(refused == 0U);
  for (const auto& s : all) {
    BOOST_TEST(s->misordered == 0U);
    BOOST_TEST(s->misplaced == 0U);
    BOOST_TEST(s->overslept == 0U);
    BOOST_TEST(s->posts == posts_each);
    BOOST_TEST(s->mail.in_flight() == 0U);
    BOOST_TEST(s->mail.counters().sent == messages_each);
    BOOST_TEST(s->mail.counters().replies == messages_each);
    BOOST_TEST(s->mail.counters().wakes > 0U);  // they did sleep
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox_sleep_suite)

BOOST_AUTO_TEST_CASE(nothing_is_lost_among_two_that_sleep) { travel(2, shoal::choose_fence()); }

BOOST_AUTO_TEST_CASE(nothing_is_lost_among_four_that_sleep) { travel(4, shoal::choose_fence()); }

BOOST_AUTO_TEST_CASE(nothing_is_lost_without_membarrier) { travel(3, fence_kind::read_modify_write); }

BOOST_AUTO_TEST_SUITE_END()
