// SPDX-License-Identifier: Apache-2.0
// The sleep protocol three ways: every interleaving of a model of it, the two functions of fence.hpp between two real
// threads, and (mailbox_sleep_test.cpp) whole mailboxes.
#include <shoal/core/fence.hpp>

#include <tests/core/tso_model.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <random>
#include <semaphore>
#include <thread>

namespace tso = shoal::test::tso;
using shoal::fence_kind;

namespace {

// ---- the model ----

// One word of bits, one bit and one tail per sender.
enum address : std::uint8_t { first_tail, second_tail, mail_bits, summary, asleep, wake_token };

enum class sleeper_pays : std::uint8_t {
  nothing,      // a plain store
  own_barrier,  // an exchange: a full barrier on its own core only
  everybodys,   // exchange and membarrier
};
enum class sender_rings : std::uint8_t {
  by_plain_stores,   // what a sender could do that never pays
  by_load_then_set,  // looks first whether its bit is set
  by_modifying,      // fetch_or always, as mailbox::ring does
};

/// As mailbox::try_send, publish and ring, `messages` times.
tso::program sender(sender_rings how, std::uint8_t number, std::uint8_t messages) {
  tso::program p;
  const auto tail = static_cast<std::uint8_t>(first_tail + number);
  const auto bit = static_cast<std::uint8_t>(1U << number);
  const auto set_bit = [bit](std::uint8_t old) { return static_cast<std::uint8_t>(old | bit); };
  const auto set = [](std::uint8_t) { return std::uint8_t{1}; };
  const auto is_set = [bit](const tso::core& c) { return (c.r[0] & bit) != 0; };
  for (std::uint8_t sent = 1; sent <= messages; ++sent) {
    const auto start = p.size();
    const auto look = static_cast<std::uint8_t>(start + 5);
    p.push_back(tso::store(tail, sent));
    switch (how) {
      case sender_rings::by_plain_stores:
        p.push_back(tso::store(mail_bits, bit));
        p.push_back(tso::store(summary, 1));
        p.push_back(tso::nothing());
        p.push_back(tso::nothing());
        break;
      case sender_rings::by_load_then_set:
        p.push_back(tso::load(0, mail_bits));
        p.push_back(tso::jump_if(is_set, look));
        p.push_back(tso::modify(0, mail_bits, set_bit));
        p.push_back(tso::modify(1, summary, set));
        break;
      case sender_rings::by_modifying:
        p.push_back(tso::modify(0, mail_bits, set_bit));
        p.push_back(tso::jump_if(is_set, look));
        p.push_back(tso::modify(1, summary, set));
        p.push_back(tso::nothing());
        break;
    }
    p.push_back(tso::load(0, asleep));  // look
    p.push_back(tso::jump_if([](const tso::core& c) { return c.r[0] == 0; }, static_cast<std::uint8_t>(start + 9)));
    p.push_back(tso::exchange(0, asleep, 0));
    p.push_back(tso::modify(1, wake_token, [](std::uint8_t n) { return static_cast<std::uint8_t>(n + 1); }));
  }
  return p;
}

/// As shard::turn with mailbox::drain and fall_asleep, until it has seen every message of every sender.
tso::program receiver(sleeper_pays fence, std::uint8_t messages, std::uint8_t senders) {
  constexpr std::uint8_t turn = 0;
  constexpr std::uint8_t next_lane = 7;
  constexpr std::uint8_t idle = 10;
  constexpr std::uint8_t awake = 15;
  constexpr std::uint8_t end = 17;
  // Registers: 0 scratch, 1 bits taken, 2 and 3 the tails seen.
  const auto all_here = [=](const tso::core& c) { return c.r[2] == messages && (senders == 1 || c.r[3] == messages); };
  tso::program p;
  p.push_back(tso::load(0, summary));  // turn
  p.push_back(tso::jump_if([](const tso::core& c) { return c.r[0] == 0; }, idle));
  p.push_back(tso::exchange(0, summary, 0));
  p.push_back(tso::exchange(1, mail_bits, 0));
  p.push_back(tso::jump_if([](const tso::core& c) { return (c.r[1] & 1U) == 0; }, next_lane));
  p.push_back(tso::load(2, first_tail));  // takes all there is
  p.push_back(tso::nothing());
  p.push_back(tso::jump_if([](const tso::core& c) { return (c.r[1] & 2U) == 0; }, 9));  // next_lane
  p.push_back(tso::load(3, second_tail));
  p.push_back(tso::jump_if(all_here, end));
  if (fence == sleeper_pays::nothing) {  // idle
    p.push_back(tso::store(asleep, 1));
  } else {
    p.push_back(tso::exchange(0, asleep, 1));
  }
  p.push_back(fence == sleeper_pays::everybodys ? tso::membarrier() : tso::nothing());
  p.push_back(tso::load(0, summary));
  p.push_back(tso::jump_if([](const tso::core& c) { return c.r[0] == 1; }, awake));
  p.push_back(tso::sleep_for_token(wake_token));
  p.push_back(tso::store(asleep, 0));  // awake
  p.push_back(tso::jump(turn));
  return p;  // end
}

bool wakes_always(sleeper_pays fence, sender_rings how, std::uint8_t messages = 3) {
  const auto found = tso::explore({sender(how, 0, messages), receiver(fence, messages, 1)});
  BOOST_TEST(found.states > 100U);
  return found.always_ends;
}

// ---- two threads ----

constexpr bool under_a_sanitizer =
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    true;
#else
    false;
#endif

constexpr std::chrono::milliseconds patience{20'000};

/// One flag, one word of mail, and a place to sleep that reports who was never woken.
struct bed {
  alignas(64) std::atomic<std::uint64_t> mail{0};
  alignas(64) std::atomic<bool> asleep{false};
  std::counting_semaphore<> token{0};
};

/// Sends rounds 1..rounds; the sleeper takes each and answers. Counts sleeps that ended by the watchdog.
int lost_wake_ups(fence_kind kind, bool foreign, std::uint64_t rounds) {
  bed there;
  std::atomic<std::uint64_t> answered{0};
  int lost = 0;
  std::thread sleeper([&] {
    std::minstd_rand random{static_cast<std::minstd_rand::result_type>(shoal::test::seed())};
    for (std::uint64_t seen = 0; seen < rounds;) {
      const std::uint64_t mail = there.mail.load(std::memory_order_seq_cst);
      if (mail != seen) {
        seen = mail;
        answered.store(seen, std::memory_order_release);
        for (auto spin = random() % 64; spin > 0; --spin) std::atomic_signal_fence(std::memory_order_seq_cst);
        continue;
      }
      shoal::sleeper_fence(kind, false, there.asleep);
      if (there.mail.load(std::memory_order_seq_cst) == seen) {
        // Once it has failed there is no need to be patient.
        if (!there.token.try_acquire_for(lost == 0 ? patience : std::chrono::milliseconds{1})) ++lost;
      }
      there.asleep.store(false, std::memory_order_relaxed);
    }
  });
  std::minstd_rand random{static_cast<std::minstd_rand::result_type>(shoal::test::seed() + 1)};
  for (std::uint64_t round = 1; round <= rounds; ++round) {
    // A plain store, where the mailbox has read-modify-writes: it leaves all the work to the fences.
    if (foreign || kind == fence_kind::membarrier) {
      there.mail.store(round, std::memory_order_release);
    } else {
      there.mail.exchange(round, std::memory_order_seq_cst);
    }
    const bool sees =
        foreign ? shoal::foreign_sees_asleep(there.asleep) : shoal::sender_sees_asleep(kind, there.asleep);
    if (sees && there.asleep.exchange(false)) there.token.release();
    while (answered.load(std::memory_order_acquire) != round) std::this_thread::yield();
    for (auto spin = random() % 256; spin > 0; --spin) std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  sleeper.join();
  return lost;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fence_suite)

BOOST_AUTO_TEST_CASE(model_without_a_fence_somebody_sleeps_for_ever) {
  // If these did not fail, the next cases would prove nothing.
  BOOST_TEST(!wakes_always(sleeper_pays::nothing, sender_rings::by_modifying));
  BOOST_TEST(!wakes_always(sleeper_pays::nothing, sender_rings::by_plain_stores));
}

BOOST_AUTO_TEST_CASE(model_of_the_mailbox_loses_no_wake_up) {
  BOOST_TEST(wakes_always(sleeper_pays::own_barrier, sender_rings::by_modifying));
  BOOST_TEST(wakes_always(sleeper_pays::everybodys, sender_rings::by_modifying));
}

BOOST_AUTO_TEST_CASE(model_only_membarrier_helps_a_sender_that_pays_nothing) {
  BOOST_TEST(!wakes_always(sleeper_pays::own_barrier, sender_rings::by_plain_stores));
  BOOST_TEST(wakes_always(sleeper_pays::everybodys, sender_rings::by_plain_stores));
}

BOOST_AUTO_TEST_CASE(model_of_two_senders_to_one_sleeper) {
  for (const auto fence : {sleeper_pays::own_barrier, sleeper_pays::everybodys}) {
    const auto found = tso::explore(
        {sender(sender_rings::by_modifying, 0, 1), sender(sender_rings::by_modifying, 1, 1), receiver(fence, 1, 2)});
    BOOST_TEST_MESSAGE(found.states << " states");
    BOOST_TEST(found.always_ends);
  }
}

BOOST_AUTO_TEST_CASE(model_looking_at_the_bit_before_setting_it_loses_messages) {
  // Why mailbox::ring() pays a read-modify-write even when its bit is set, membarrier or not.
  BOOST_TEST(!wakes_always(sleeper_pays::own_barrier, sender_rings::by_load_then_set));
  BOOST_TEST(!wakes_always(sleeper_pays::everybodys, sender_rings::by_load_then_set));
}

BOOST_AUTO_TEST_CASE(two_threads_never_miss_each_other) {
  const std::uint64_t rounds = under_a_sanitizer ? 20'000 : 100'000;
  BOOST_TEST(lost_wake_ups(shoal::choose_fence(), false, rounds) == 0);
  BOOST_TEST(lost_wake_ups(fence_kind::read_modify_write, false, rounds) == 0);
  BOOST_TEST(lost_wake_ups(shoal::choose_fence(), true, rounds) == 0);
}

BOOST_AUTO_TEST_CASE(who_is_awake_is_left_alone) {
  for (const auto kind : {shoal::choose_fence(), fence_kind::read_modify_write}) {
    std::atomic<bool> asleep{false};
    BOOST_TEST(!shoal::sender_sees_asleep(kind, asleep));
    BOOST_TEST(!shoal::foreign_sees_asleep(asleep));
    BOOST_TEST(!asleep.load());
    shoal::sleeper_fence(kind, true, asleep);
    BOOST_TEST(asleep.load());
    BOOST_TEST(shoal::sender_sees_asleep(kind, asleep));
    BOOST_TEST(shoal::foreign_sees_asleep(asleep));
    BOOST_TEST(asleep.load());
  }
}

BOOST_AUTO_TEST_SUITE_END()
