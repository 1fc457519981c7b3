// SPDX-License-Identifier: Apache-2.0
// What is true of the io_uring back end alone; poller_*_test.cpp hold what is true of all.
#include <shoal/core/poller/uring_poller.hpp>

#include <shoal/buffers/link_buffer.hpp>
#include <tests/core/poller_rig.hpp>
#include <tests/skip.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

using shoal::blocks_per_poll;
using shoal::errc;
using shoal::link_buffer;
using shoal::uring_buffers;
using shoal::test::endpoint;
using shoal::test::pattern;
using shoal::test::uring_block_backend;

/// A test that needs io_uring on this machine.
#define SHOAL_URING_TEST(name)                                                                           \
  static void name##_here();                                                                             \
  BOOST_AUTO_TEST_CASE(name) {                                                                           \
    if (const auto why = shoal::test::unavailable<uring_block_backend>(); !why.empty()) SHOAL_SKIP(why); \
    name##_here();                                                                                       \
  }                                                                                                      \
  static void name##_here()

namespace {

using rig = shoal::test::rig<uring_block_backend>;
using namespace std::chrono_literals;

/// A pair whose left end has sent bytes that wait in the socket of the right one, which does not receive yet.
rig::pair loaded(rig& r, std::size_t bytes, std::uint32_t seed) {
  auto pair = r.connect();
  pair.left.piece = 100'000;
  r.send(pair.left, pattern(bytes, seed));
  BOOST_REQUIRE(r.until([&] { return pair.left.sent == bytes; }));
  return pair;
}

/// Sends from a link_buffer, whose blocks can be lost on the way.
class buffered final : public shoal::fd_operator {
 public:
  buffered(int fd, shoal::slab& memory) : fd_operator(fd), output(memory) {}
  link_buffer output;
  bool gone = false;

  std::span<std::byte> inputs() override { return {}; }
  void input_ack(std::size_t) override {}
  std::size_t outputs(std::span<iovec> pieces) override { return output.get_bytes(pieces); }
  std::size_t outputs_held(std::span<iovec> pieces, std::span<shoal::block_ref> holds) override {
    return output.get_bytes(pieces, holds);
  }
  void output_ack(std::size_t sent) override { static_cast<void>(output.consume(sent)); }
  void hung_up(std::error_code) override {}
  void retired() override { gone = true; }
  void deliver() override {}
};

}  // namespace

BOOST_AUTO_TEST_SUITE(uring_poller_suite)

SHOAL_URING_TEST(says_its_name_and_why) {
  const auto machine = shoal::make_real_host();
  const auto asked = machine->make_poller(shoal::poller_kind::io_uring);
  BOOST_REQUIRE(asked.has_value());
  BOOST_TEST((*asked)->name() == "io_uring");
  BOOST_TEST((*asked)->reason() == "as configured");
}

SHOAL_URING_TEST(it_closes_what_it_opened) {
  const int before = ::dup(STDIN_FILENO);
  ::close(before);
  {
    const rig r;
  }
  const int after = ::dup(STDIN_FILENO);
  ::close(after);
  BOOST_TEST(before == after);
}

SHOAL_URING_TEST(who_is_idle_holds_no_block) {
  rig r;
  for (int i = 0; i < 20; ++i) {
    auto [left, right] = r.connect();
    r.io->receive(right, true);
    r.send(left, "a request");
    BOOST_REQUIRE(r.arrives(left, right));
    BOOST_TEST(right.blocks == 1);
  }
  r.steps(3);
  BOOST_TEST(r.memory->counters().bytes_in_use == r.io->memory_held());
}

SHOAL_URING_TEST(an_empty_ring_loses_nothing_and_is_counted) {
  constexpr std::size_t peers = 12;
  static_assert(peers * blocks_per_poll > 2 * uring_buffers::blocks_at_first);
  rig r;
  std::vector<rig::pair> pairs;
  for (std::size_t i = 0; i < peers; ++i) pairs.push_back(loaded(r, 90'000, static_cast<std::uint32_t>(i + 1)));
  const auto held = r.io->memory_held();
  for (const auto& p : pairs) r.io->receive(p.right, true);
  for (const auto& p : pairs) BOOST_TEST(r.arrives(p.left, p.right));
  for (const auto& p : pairs) BOOST_TEST((p.right.received == p.left.output));
  BOOST_TEST(r.io->counters().buffers_exhausted > 0U);
  BOOST_TEST(r.io->memory_held() > held);  // it learns from it
  // Everybody can still receive.
  for (const auto& p : pairs) {
    r.send(p.left, "more");
    BOOST_TEST(r.arrives(p.left, p.right));
  }
}

SHOAL_URING_TEST(without_memory_for_the_ring_bytes_come_into_lent_space) {
  rig r;
  auto [left, right] = r.connect();
  std::vector<shoal::block_ref> all;
  for (auto b = r.memory->allocate_block(4096); b; b = r.memory->allocate_block(4096)) all.push_back(std::move(*b));
  r.io->receive(right, true);
  r.send(left, pattern(10'000));
  BOOST_TEST(r.arrives(left, right));
  BOOST_TEST((right.received == left.output));
  BOOST_TEST(right.blocks == 0);
  all.clear();
  for (int i = 0; i < 3; ++i) {
    r.send(left, "x");
    BOOST_TEST(r.arrives(left, right));
  }
  BOOST_TEST(right.blocks > 0);  // and in blocks again as soon as there are some
}

SHOAL_URING_TEST(two_full_blocks_in_a_row_ask_for_space_and_two_small_receives_for_blocks) {
  rig r;
  auto [left, right] = r.connect();
  right.window = 32'768;
  r.io->receive(right, true);
  for (int i = 0; i < 10; ++i) {
    r.send(left, pattern(1'000));
    BOOST_REQUIRE(r.arrives(left, right));
  }
  BOOST_TEST(right.blocks == right.receives);
  left.piece = 100'000;
  r.send(left, pattern(1'000'000));
  BOOST_REQUIRE(r.arrives(left, right));
  const int in_space = right.receives - right.blocks;
  BOOST_TEST(in_space > 0);
  BOOST_TEST(right.blocks - 10 < 40);  // not two hundred
  for (int i = 0; i < 5; ++i) {
    r.send(left, pattern(100));
    BOOST_REQUIRE(r.arrives(left, right));
  }
  BOOST_TEST(right.receives - right.blocks <= in_space + 3);
  BOOST_TEST((right.received == left.output));
}

SHOAL_URING_TEST(one_peer_cannot_take_the_whole_ring) {
  rig r;
  const auto loud = loaded(r, 400'000, 1);
  const auto quiet = loaded(r, 100, 2);
  loud.right.window = 4'096;
  r.io->receive(loud.right, true);
  r.io->receive(quiet.right, true);
  // The kernel's own limit where it knows no other is 33.
  constexpr int most = 33;
  static_assert(blocks_per_poll <= most);
  for (int polls = 0; polls < 1'000 && loud.right.received.size() < 400'000; ++polls) {
    const int before = loud.right.blocks;
    r.step();
    BOOST_REQUIRE(loud.right.blocks - before <= most);
    if (polls == 3) BOOST_TEST(quiet.right.received.size() == 100U);
  }
  BOOST_TEST((loud.right.received == loud.left.output));
}

SHOAL_URING_TEST(who_lets_bytes_pile_up_gets_them_in_space_of_its_own) {
  rig r;
  auto [left, right] = r.connect();
  r.io->receive(right, true);
  for (int i = 0; i < 20; ++i) {
    right.wants_blocks = i % 10 < 5;
    r.send(left, pattern(100));
    BOOST_REQUIRE(r.arrives(left, right));
  }
  BOOST_TEST(right.blocks >= 8);
  BOOST_TEST(right.receives - right.blocks >= 6);  // one block each time was on its way already
  BOOST_TEST((right.received == left.output));
}

SHOAL_URING_TEST(data_that_is_late_after_a_pause_arrives_in_order) {
  rig r;
  auto [left, right] = r.connect();
  left.piece = 300;
  for (int i = 0; i < 300; ++i) {
    r.io->receive(right, true);
    r.steps(i % 3);
    r.send(left, pattern(200 + static_cast<std::size_t>(i % 7) * 1'500, static_cast<std::uint32_t>(i + 1)));
    r.steps(i % 4);
    r.io->receive(right, false);
    r.steps(i % 2);
  }
  const auto seen = right.received.size();
  r.steps(20);
  r.send(left, pattern(1'000));
  r.steps(20);
  BOOST_TEST(right.received.size() <= seen + blocks_per_poll * uring_buffers::block_bytes);
  const auto stopped = right.received.size();
  r.steps(20);
  BOOST_TEST(right.received.size() == stopped);  // it has really stopped
  r.io->receive(right, true);
  BOOST_TEST(r.arrives(left, right));
  BOOST_TEST((right.received == left.output));
}

SHOAL_URING_TEST(retired_with_a_receive_and_a_send_in_flight) {
  for (int polls = 0; polls < 12; ++polls) {
    rig r;
    shoal::tcp_options small;
    small.send_buffer_bytes = 4096;
    auto [left, right] = r.connect(AF_INET, small);
    left.piece = 1U << 20U;
    r.io->receive(left, true);
    r.send(left, pattern(std::size_t{8} << 20U));
    r.steps(polls);
    r.send(right, "on its way");
    r.retire(left);
    BOOST_TEST(r.until([&, &op = left] { return op.times_retired == 1; }));
    const auto counted = left.sent;
    r.machine->shutdown_socket(left.fd(), shoal::shutdown_side::write);
    right.window = 1U << 20U;
    r.io->receive(right, true);
    BOOST_TEST(r.until([&, &to = right] { return !to.hang_ups.empty(); }));
    BOOST_TEST(right.received.size() == counted);  // every byte that left was reported, and no other
    BOOST_TEST((right.received == left.output.substr(0, counted)));
  }
}

SHOAL_URING_TEST(a_send_that_waits_for_room_holds_no_memory) {
  rig r;
  shoal::tcp_options small;
  small.send_buffer_bytes = 4096;
  auto [left, right] = r.connect(AF_INET, small);
  r.retire(left);
  BOOST_REQUIRE(r.until([&, &op = left] { return op.times_retired == 1; }));
  buffered sender{left.give_away(), *r.memory};
  BOOST_REQUIRE(!r.io->attach(sender));
  const std::string text = pattern(std::size_t{4} << 20U);
  for (std::size_t at = 0; at < text.size(); at += 65'536) {
    BOOST_REQUIRE(sender.output.write_string(std::string_view{text}.substr(at, 65'536)).has_value());
  }
  BOOST_REQUIRE(sender.output.commit().has_value());
  r.io->send(sender);
  r.steps(50);
  const auto left_behind = sender.output.len();
  BOOST_REQUIRE(left_behind > 0U);  // the socket is full
  sender.output.close();
  BOOST_TEST(r.memory->counters().bytes_in_use == r.io->memory_held());
  right.window = 1U << 20U;
  r.io->receive(right, true);
  r.steps(50);
  BOOST_TEST((right.received == text.substr(0, text.size() - left_behind)));
  r.io->retire(sender);
  BOOST_TEST(r.until([&] { return sender.gone; }));
  r.machine->close_socket(sender.fd());
}

/// Threads of the kernel's own, in which an entry that the kernel would rather not poll for waits.
std::size_t kernel_threads() {
  std::size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
    std::ifstream file{task.path() / "comm"};
    std::string name;
    std::getline(file, name);
    count += name.starts_with("iou-wrk") ? 1U : 0U;
  }
  return count;
}

SHOAL_URING_TEST(a_send_to_a_half_closed_peer_waits_as_any_other) {
  rig r;
  shoal::tcp_options small;
  small.send_buffer_bytes = 4096;
  auto [left, right] = r.connect(AF_INET, small);
  r.io->receive(left, true);
  r.send(left, pattern(std::size_t{8} << 20U));
  r.steps(20);
  r.machine->shutdown_socket(right.fd(), shoal::shutdown_side::write);
  BOOST_REQUIRE(r.until([&, &at = left] { return !at.hang_ups.empty(); }));
  const auto before = r.io->counters();
  r.steps(300);
  BOOST_TEST(r.io->counters().events - before.events <= 2U);  // nobody asks again and again
  BOOST_TEST(kernel_threads() == 0U);
  right.window = 1U << 20U;
  r.io->receive(right, true);
  BOOST_TEST(r.until([&, &to = right] { return to.received.size() == std::size_t{8} << 20U; }));
  BOOST_TEST(kernel_threads() == 0U);
}

SHOAL_URING_TEST(a_busy_turn_is_one_call_and_a_message_two_completions) {
  rig r;
  auto [left, right] = r.connect();
  r.io->receive(right, true);
  r.steps(3);
  const auto before = r.io->counters();
  for (int i = 0; i < 100; ++i) {
    r.send(left, "x");
    r.step();
  }
  BOOST_REQUIRE(r.arrives(left, right));
  const auto& after = r.io->counters();
  BOOST_TEST(after.sends - before.sends == 100U);
  BOOST_TEST(after.events - before.events <= 210U);  // no completion that nobody needs
}

SHOAL_URING_TEST(a_wake_from_another_ring) {
  constexpr int rounds = 5'000;
  const auto machine = shoal::make_real_host();
  std::atomic<shoal::poller*> other{nullptr};
  std::atomic<int> asked{0};
  std::atomic<int> answered{0};
  std::atomic<int> overslept{0};
  std::thread sleeper([&] {
    const auto io = std::move(*machine->make_poller(shoal::poller_kind::io_uring));
    shoal::test::calm_sleeper calm;
    other = io.get();
    while (answered < rounds) {
      const auto start = machine->now();
      io->poll(start + 20s, calm);
      if (machine->now() - start > 10s) ++overslept;
      answered = asked.load();
    }
    other = nullptr;
    while (asked == rounds) std::this_thread::yield();  // nobody wakes it any more
  });
  rig r;
  while (other == nullptr) std::this_thread::yield();
  for (int i = 1; i <= rounds; ++i) {
    asked = i;
    other.load()->wake_from(*r.io);
    r.step();  // which is when it leaves
    while (answered < i) std::this_thread::yield();
  }
  asked = rounds + 1;
  sleeper.join();
  BOOST_TEST(overslept == 0);
  BOOST_TEST(r.io->counters().events == 0U);  // a message that arrives says nothing here
}

BOOST_AUTO_TEST_SUITE_END()
