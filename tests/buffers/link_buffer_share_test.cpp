// SPDX-License-Identifier: Apache-2.0
// Bytes that change hands: slice, take, append.
#include <shoal/buffers/link_buffer.hpp>
#include <tests/buffers/bytes.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace shoal::test {

BOOST_AUTO_TEST_SUITE(link_buffer_sharing)

BOOST_AUTO_TEST_CASE(a_relayed_read_moves_its_block_and_allocates_nothing) {
  own_slab own;
  link_buffer input{*own.memory};
  link_buffer output{*own.memory};
  for (int i = 0; i < 3; ++i) {
    receive(input, "relayed");
    const void* block = (*input.pieces().begin()).data();
    (void)output.append(input.take_all());
    (void)output.commit();
    BOOST_TEST(((*output.pieces().begin()).data() == block));
    BOOST_TEST(own.memory->counters().nodes_in_use == 0U);
    BOOST_TEST(own.memory->counters().blocks_in_use[0] == 1U);
    (void)output.consume(7);
  }
  BOOST_TEST(own.memory->bytes_copied() == 0U);
}

BOOST_AUTO_TEST_CASE(slices_share_blocks_and_free_them_last) {
  own_slab own;
  link_buffer buffer{*own.memory};
  receive(buffer, "0123456789");
  link_buffer a = buffer.slice(4).value();
  link_buffer b = buffer.slice(6).value();
  const link_buffer of_a = a.slice(2).value();
  BOOST_TEST(own.memory->counters().blocks_in_use[0] == 1U);
  a.close();
  BOOST_TEST(b.to_string() == "456789");
  b.close();
  BOOST_TEST(of_a.to_string() == "01");
  BOOST_TEST(own.memory->bytes_copied() == 8U);  // by to_string()
}

BOOST_AUTO_TEST_CASE(the_room_behind_shared_bytes_has_one_owner) {
  own_slab own;
  link_buffer buffer{*own.memory};
  (void)buffer.write_string("shared");
  (void)buffer.commit();
  link_buffer other = buffer.slice(6).value();
  (void)other.write_string(" by the slice");
  (void)other.commit();
  (void)buffer.write_string("and by the parent");
  (void)buffer.commit();
  BOOST_TEST(other.to_string() == "shared by the slice");
  BOOST_TEST(buffer.to_string() == "and by the parent");
}

BOOST_AUTO_TEST_CASE(a_booking_is_safe_from_those_who_share_its_block) {
  own_slab own;
  link_buffer input{*own.memory};
  link_buffer output{*own.memory};
  receive(input, "first ");
  const auto space = input.book().value();  // the room behind "first "
  (void)output.append(input.take_all());
  (void)output.write_string("written meanwhile");
  (void)output.commit();
  std::memcpy(space.data(), "received", 8);
  BOOST_TEST(input.book_ack(8).has_value());
  BOOST_TEST(output.to_string() == "first written meanwhile");
  BOOST_TEST(input.to_string() == "received");
}

BOOST_AUTO_TEST_CASE(take_splits_where_it_is_told) {
  own_slab own;
  for (std::size_t n = 0; n <= 12; ++n) {
    link_buffer buffer{*own.memory};
    adopt_pieces(buffer, {"0123", "4567", "89ab"});
    (void)buffer.write_string("pending");
    link_buffer taken = buffer.take(n).value();
    BOOST_TEST(taken.to_string() == std::string{"0123456789ab"}.substr(0, n));
    BOOST_TEST(buffer.to_string() == std::string{"0123456789ab"}.substr(n));
    BOOST_TEST(buffer.malloc_len() == 7U);
    (void)buffer.commit();
    BOOST_TEST(buffer.to_string() == std::string{"0123456789ab"}.substr(n) + "pending");
  }
}

BOOST_AUTO_TEST_CASE(append_moves_what_was_written_committed_or_not) {
  own_slab own;
  link_buffer a{*own.memory};
  link_buffer b{*own.memory};
  (void)a.write_string("a");
  (void)b.write_string("b1");
  (void)b.commit();
  (void)b.write_string("b2");
  BOOST_TEST(a.append(std::move(b)).has_value());
  BOOST_TEST(a.append(std::move(a)).has_value());  // itself: nothing
  BOOST_TEST(a.append(link_buffer{*own.memory}).has_value());
  (void)a.commit();
  BOOST_TEST(a.to_string() == "ab1b2");
  BOOST_TEST(b.held_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_moved_buffer_takes_everything_along) {
  own_slab own;
  link_buffer from{*own.memory};
  adopt_pieces(from, {"one ", "two ", "three"});
  const auto span = from.peek(7).value();
  (void)from.write_string(" four");
  link_buffer to{std::move(from)};
  BOOST_TEST(text(span) == "one two");
  BOOST_TEST(to.malloc_len() == 5U);
  (void)from.write_string("from is usable");
  (void)from.commit();
  to = std::move(from);
  BOOST_TEST(to.to_string() == "from is usable");
  link_buffer& itself = to;
  to = std::move(itself);
  BOOST_TEST(to.len() == 14U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(link_buffer_compaction)

BOOST_AUTO_TEST_CASE(a_large_block_with_few_bytes_shrinks_in_place) {
  own_slab own;
  link_buffer buffer{*own.memory};
  auto block = own.memory->allocate_block(std::size_t{1} << 20).value();
  std::memcpy(block.data(), pattern(5000).data(), 5000);
  (void)buffer.adopt(std::move(block), 5000);
  const auto span = buffer.peek(5000).value();
  BOOST_TEST(buffer.compact() == (std::size_t{1} << 20) - 8192);
  BOOST_TEST(buffer.held_bytes() == 8192U);
  BOOST_TEST(own.memory->bytes_copied() == 0U);
  BOOST_TEST(text(span) == pattern(5000));
  receive(buffer, "more");
  BOOST_TEST((buffer == pattern(5000) + "more"));
}

BOOST_AUTO_TEST_CASE(many_small_pieces_become_one_block) {
  own_slab own;
  link_buffer buffer{*own.memory};
  std::string all;
  for (int i = 0; i < 100; ++i) {
    adopt_pieces(buffer, {pattern(100)});
    all += pattern(100);
  }
  BOOST_TEST(buffer.held_bytes() == 100U * 4096);
  BOOST_TEST(buffer.compact() == 100U * 4096 - 16384);
  BOOST_TEST(own.memory->bytes_copied() == 10000U);
  BOOST_TEST((buffer == all));
  BOOST_TEST(piece_count(buffer) == 1U);
  BOOST_TEST(buffer.compact() == 0U);
}

BOOST_AUTO_TEST_CASE(what_others_hold_or_see_is_left_alone) {
  own_slab own;
  link_buffer buffer{*own.memory};
  adopt_pieces(buffer, {"0123456789", "abcdefghij", "ABCDEFGHIJ"});
  const link_buffer shared = buffer.slice(5).value();
  const auto span = buffer.peek(3).value();
  auto pending = buffer.malloc(3).value();
  (void)buffer.compact();
  std::memcpy(pending.data(), "end", 3);
  (void)buffer.commit();
  BOOST_TEST(text(span) == "567");
  BOOST_TEST(shared.to_string() == "01234");
  BOOST_TEST(buffer.to_string() == "56789abcdefghijABCDEFGHIJend");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
