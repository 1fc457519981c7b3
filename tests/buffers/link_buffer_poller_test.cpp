// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/link_buffer.hpp>
#include <tests/buffers/bytes.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace shoal::test {

namespace {

/// One read of n bytes; what was lent for it.
std::size_t read_of(link_buffer& buffer, std::size_t n) {
  const std::size_t lent = buffer.book().value().size();
  BOOST_REQUIRE(buffer.book_ack(std::min(n, lent)).has_value());
  return lent;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(link_buffer_poller)

BOOST_AUTO_TEST_CASE(the_book_size_doubles_while_reads_fill_it_and_halves_after_two_small_ones) {
  own_slab own;
  link_buffer buffer{*own.memory};
  for (std::size_t expected = 4096; expected <= (std::size_t{8} << 20); expected *= 2) {
    BOOST_TEST(read_of(buffer, link_buffer::npos) == expected);
    (void)buffer.consume(buffer.len());
  }
  BOOST_TEST(read_of(buffer, std::size_t{3} << 20) == std::size_t{8} << 20);  // large, though not full: stays
  BOOST_TEST(buffer.book_size() == std::size_t{8} << 20);
  (void)buffer.consume(buffer.len());
  int reads = 0;
  for (; buffer.book_size() > 4096; ++reads) {
    (void)read_of(buffer, 100);
    (void)buffer.consume(100);
  }
  BOOST_TEST(reads == 22);
}

BOOST_AUTO_TEST_CASE(a_cap_holds_whatever_the_size_has_grown_to) {
  own_slab own;
  link_buffer buffer{*own.memory};
  for (int i = 0; i < 20; ++i) {
    const auto space = buffer.book(std::size_t{64} << 10).value();
    BOOST_TEST(space.size() <= std::size_t{64} << 10);
    (void)buffer.book_ack(space.size());
    (void)buffer.consume(space.size());
  }
  BOOST_TEST(buffer.book_size() <= std::size_t{128} << 10);
  BOOST_TEST(buffer.book(100)->size() == 100U);
  BOOST_TEST((buffer.book(100).error() == errc::concurrent_access));
  BOOST_TEST(buffer.book_ack(0).has_value());
  BOOST_TEST((buffer.book(0).error() == errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(the_tails_room_comes_first_while_it_is_worth_a_read) {
  own_slab own;
  link_buffer buffer{*own.memory};
  receive(buffer, pattern(3072));
  BOOST_TEST(buffer.book()->size() == 1024U);  // a quarter of 4 KiB
  (void)buffer.book_ack(1);
  BOOST_TEST(piece_count(buffer) == 1U);
  BOOST_TEST(buffer.book()->size() == 4096U);  // 1023 bytes are not
  (void)buffer.book_ack(1);
  BOOST_TEST(piece_count(buffer) == 2U);
}

BOOST_AUTO_TEST_CASE(a_queue_behind_a_full_socket_fills_its_blocks) {
  own_slab own;
  link_buffer input{*own.memory};
  link_buffer output{*own.memory};
  const std::string text = pattern(100);
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const auto space = input.book_behind(output).value();
    std::memcpy(space.data(), text.data(), text.size());
    BOOST_REQUIRE(input.book_ack(text.size()).has_value());
    BOOST_REQUIRE(output.append(input.take_all()).has_value());
    BOOST_REQUIRE(output.commit().has_value());
    all += text;
  }
  BOOST_TEST((output == all));
  BOOST_TEST(output.held_bytes() <= all.size() * 4 / 3 + 4096);   // one block each would be 4 MiB
  BOOST_TEST(piece_count(output) == output.held_bytes() / 4096);  // neighbours are one piece again
  BOOST_TEST(own.memory->bytes_copied() == 0U);
  BOOST_TEST(input.held_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_booking_behind_another_buffer_leaves_that_buffer_writable) {
  own_slab own;
  link_buffer input{*own.memory};
  link_buffer output{*own.memory};
  (void)output.write_string("first ");
  (void)output.commit();
  const auto space = input.book_behind(output).value();
  BOOST_TEST(space.size() == 4090U);
  (void)output.write_string("second ");  // not over what is being received
  (void)output.commit();
  std::memcpy(space.data(), "third", 5);
  BOOST_TEST(input.book_ack(5).has_value());
  (void)output.append(input.take_all());
  (void)output.commit();
  BOOST_TEST((output == "first second third"));
  // Where the other side is empty, or bytes wait here already, it is an ordinary booking.
  link_buffer nothing{*own.memory};
  BOOST_TEST(input.book_behind(nothing)->size() == 4096U);
}

BOOST_AUTO_TEST_CASE(a_cancelled_booking_holds_nothing) {
  own_slab own;
  link_buffer buffer{*own.memory};
  (void)buffer.book();
  BOOST_TEST(buffer.held_bytes() == 4096U);
  BOOST_TEST(buffer.book_ack(0).has_value());
  BOOST_TEST(buffer.held_bytes() == 0U);
  BOOST_TEST(buffer.book_size() == 4096U);
  BOOST_TEST((buffer.book_ack(0).error() == errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(when_memory_is_short_a_smaller_block_will_do) {
  own_slab own{{.limit_bytes = std::size_t{2} << 20, .reserve_bytes = 0}};
  link_buffer buffer{*own.memory};
  for (int i = 0; i < 8; ++i) {
    (void)read_of(buffer, link_buffer::npos);
    (void)buffer.consume(buffer.len());
  }
  BOOST_TEST(buffer.book_size() == std::size_t{1} << 20);
  const auto rest = own.memory->allocate_block(std::size_t{1} << 20).value();
  BOOST_TEST(buffer.book()->size() == std::size_t{512} << 10);
}

BOOST_AUTO_TEST_CASE(blocks_filled_elsewhere_are_adopted) {
  own_slab own;
  link_buffer buffer{*own.memory};
  auto ring = own.memory->allocate_block(16384).value();
  std::memcpy(ring.data(), "first part second part", 22);
  ring.claim_room();  // the kernel goes on filling it
  BOOST_TEST(buffer.adopt(ring.share(), 11).has_value());
  BOOST_TEST(buffer.adopt(ring.share(), 11, 11).has_value());
  BOOST_TEST((buffer.adopt(ring.share(), 16384, 1).error() == errc::invalid_argument));
  BOOST_TEST((buffer.adopt(block_ref{}, 1).error() == errc::invalid_argument));
  BOOST_TEST(buffer.adopt(std::move(ring), 0).has_value());
  BOOST_TEST(buffer.to_string() == "first part second part");
  (void)buffer.write_string("!");
  BOOST_TEST(buffer.held_bytes() == 16384U + 4096U);
}

BOOST_AUTO_TEST_CASE(a_block_under_the_kernels_hands_outlives_its_buffer) {
  own_slab own;
  block_ref in_flight;
  std::span<std::byte> space;
  {
    link_buffer buffer{*own.memory};
    BOOST_TEST(!buffer.booked_block());
    space = buffer.book().value();
    in_flight = buffer.booked_block();
  }
  std::memset(space.data(), 'k', space.size());  // what the kernel does late
  BOOST_TEST(own.memory->counters().blocks_in_use[0] == 1U);
}

BOOST_AUTO_TEST_CASE(output_leaves_piece_by_piece) {
  own_slab own;
  link_buffer buffer{*own.memory};
  adopt_pieces(buffer, {"0123", "4567", "89ab", "cdef"});
  (void)buffer.write_string("uncommitted");
  std::array<iovec, 3> some;
  BOOST_TEST(buffer.get_bytes(some) == 3U);
  BOOST_TEST(some[2].iov_len == 4U);
  (void)buffer.consume(6);
  std::array<iovec, 8> all;
  BOOST_TEST(buffer.get_bytes(all) == 3U);
  BOOST_TEST(all[0].iov_len == 2U);
  BOOST_TEST(all[2].iov_len == 4U);
  BOOST_TEST(buffer.held_bytes() == 4U * 4096 - 4096);
  (void)buffer.consume(10);
  BOOST_TEST(buffer.get_bytes(all) == 0U);
  BOOST_TEST((buffer.consume(1).error() == errc::not_enough_data));
}

BOOST_AUTO_TEST_CASE(more_pieces_than_one_call_takes_leave_in_several) {
  own_slab own;
  link_buffer buffer{*own.memory};
  for (int i = 0; i < 1500; ++i) adopt_pieces(buffer, {"xy"});
  std::vector<iovec> most(1024);  // IOV_MAX
  BOOST_TEST(buffer.get_bytes(most) == 1024U);
  (void)buffer.consume(2048);
  BOOST_TEST(buffer.get_bytes(most) == 476U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
