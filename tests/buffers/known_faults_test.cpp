// SPDX-License-Identifier: Apache-2.0
// Faults that a LinkBuffer of the same design is known to have had: each must not happen here.
#include <shoal/buffers/link_buffer.hpp>
#include <tests/buffers/bytes.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstring>
#include <string>

namespace shoal::test {

BOOST_AUTO_TEST_SUITE(known_faults)

BOOST_AUTO_TEST_CASE(peek_then_peek_both_stay_valid) {
  own_slab own;
  link_buffer buffer{*own.memory};
  adopt_pieces(buffer, {"0123456789", "abcdefghij", "ABCDEFGHIJ"});
  const auto first = buffer.peek(12).value();   // across two blocks
  const auto longer = buffer.peek(25).value();  // grows the gathered bytes
  const auto shorter = buffer.peek(11).value();
  const auto read = buffer.next(15).value();
  const auto behind = buffer.peek(15).value();
  BOOST_TEST(text(first) == "0123456789ab");
  BOOST_TEST(text(longer) == "0123456789abcdefghijABCDE");
  BOOST_TEST(text(shorter) == "0123456789a");
  BOOST_TEST(text(read) == "0123456789abcde");
  BOOST_TEST(text(behind) == "fghijABCDEFGHIJ");
}

BOOST_AUTO_TEST_CASE(peeking_again_and_again_takes_no_more_memory) {
  own_slab own;
  link_buffer buffer{*own.memory};
  adopt_pieces(buffer, {"0123456789", "abcdefghij"});
  (void)buffer.peek(15);
  const std::size_t held = buffer.held_bytes();
  for (int i = 0; i < 1024; ++i) BOOST_REQUIRE(text(buffer.peek(15).value()) == "0123456789abcde");
  BOOST_TEST(buffer.held_bytes() == held);
  BOOST_TEST(own.memory->bytes_copied() == 15U);
}

BOOST_AUTO_TEST_CASE(get_bytes_shows_what_lies_in_one_block) {
  own_slab own;
  link_buffer buffer{*own.memory};
  (void)buffer.write_string("in one block");
  (void)buffer.commit();
  std::array<iovec, 4> pieces;
  BOOST_TEST(buffer.get_bytes(pieces) == 1U);
  BOOST_TEST((std::string_view{static_cast<const char*>(pieces[0].iov_base), pieces[0].iov_len}) == "in one block");
  BOOST_TEST(buffer.get_bytes({}) == 0U);
}

BOOST_AUTO_TEST_CASE(until_without_its_delimiter_keeps_the_data) {
  own_slab own;
  link_buffer buffer{*own.memory};
  adopt_pieces(buffer, {"no line ", "end yet"});
  BOOST_TEST((buffer.until('\n').error() == errc::not_enough_data));
  BOOST_TEST((buffer.until("\r\n").error() == errc::not_enough_data));
  BOOST_TEST(buffer.len() == 15U);
  receive(buffer, "\r\nnext");
  BOOST_TEST(text(buffer.until("\r\n").value()) == "no line end yet\r\n");
  BOOST_TEST(buffer.to_string() == "next");
}

BOOST_AUTO_TEST_CASE(too_few_bytes_consume_nothing) {
  own_slab own;
  link_buffer buffer{*own.memory};
  receive(buffer, "1234567");
  std::array<std::byte, 8> to;
  BOOST_TEST((buffer.next(8).error() == errc::not_enough_data));
  BOOST_TEST((buffer.peek(8).error() == errc::not_enough_data));
  BOOST_TEST((buffer.skip(8).error() == errc::not_enough_data));
  BOOST_TEST((buffer.slice(8).error() == errc::not_enough_data));
  BOOST_TEST((buffer.take(8).error() == errc::not_enough_data));
  BOOST_TEST((buffer.read_string(8).error() == errc::not_enough_data));
  BOOST_TEST((buffer.read_binary(8).error() == errc::not_enough_data));
  BOOST_TEST((buffer.read_binary(to).error() == errc::not_enough_data));
  BOOST_TEST((buffer.read_u64_be().error() == errc::not_enough_data));
  BOOST_TEST((buffer.consume(8).error() == errc::not_enough_data));
  BOOST_TEST(buffer.to_string() == "1234567");
}

BOOST_AUTO_TEST_CASE(nothing_asked_for_is_an_empty_answer) {
  own_slab own;
  link_buffer buffer{*own.memory};
  BOOST_TEST(buffer.next(0)->empty());
  BOOST_TEST(buffer.peek(0)->empty());
  BOOST_TEST(buffer.skip(0).has_value());
  BOOST_TEST(buffer.slice(0)->empty());
  BOOST_TEST(buffer.take(0)->empty());
  BOOST_TEST(buffer.read_string(0)->empty());
  BOOST_TEST(buffer.malloc(0)->empty());
  BOOST_TEST(buffer.write_string("").has_value());
  BOOST_TEST(buffer.malloc_ack(0).has_value());
}

BOOST_AUTO_TEST_CASE(malloc_ack_of_more_than_was_written_is_an_error) {
  own_slab own;
  link_buffer buffer{*own.memory};
  (void)buffer.write_string("abc");
  BOOST_TEST((buffer.malloc_ack(4).error() == errc::invalid_argument));
  BOOST_TEST(buffer.malloc_len() == 3U);
}

BOOST_AUTO_TEST_CASE(malloc_ack_after_write_direct_drops_the_right_bytes) {
  own_slab own;
  link_buffer buffer{*own.memory};
  (void)buffer.write_string("headtail");
  BOOST_TEST(buffer.write_direct(std::string{"INSERTED"}, 4).has_value());
  BOOST_TEST(buffer.malloc_ack(14).has_value());
  (void)buffer.write_string("!");
  (void)buffer.commit();
  BOOST_TEST(buffer.to_string() == "headINSERTEDta!");
}

BOOST_AUTO_TEST_CASE(five_nested_inserts_keep_their_order) {
  own_slab own;
  link_buffer buffer{*own.memory};
  (void)buffer.write_string("0123456789");
  for (std::size_t remain : {9U, 7U, 5U, 3U, 1U})
    BOOST_TEST(buffer.write_direct(std::string(5, static_cast<char>('a' + remain)), remain).has_value());
  (void)buffer.commit();
  BOOST_TEST(buffer.to_string() == "0jjjjj12hhhhh34fffff56ddddd78bbbbb9");
}

BOOST_AUTO_TEST_CASE(append_shows_nothing_before_commit) {
  own_slab own;
  link_buffer out{*own.memory};
  link_buffer reply{*own.memory};
  (void)out.write_string("unfinished");
  (void)reply.write_string("reply");
  (void)reply.commit();
  (void)out.append(std::move(reply));
  BOOST_TEST(out.len() == 0U);
  BOOST_TEST(out.malloc_len() == 15U);
  (void)reply.write_string("the source stays usable");
  (void)reply.commit();
  (void)out.commit();
  BOOST_TEST(out.to_string() == "unfinishedreply");
  BOOST_TEST(reply.to_string() == "the source stays usable");
}

BOOST_AUTO_TEST_CASE(after_one_large_message_small_ones_hold_little_and_idleness_nothing) {
  own_slab own;
  link_buffer input{*own.memory};
  receive(input, pattern(std::size_t{8} << 20));
  BOOST_TEST(input.book_size() > std::size_t{1} << 20);
  BOOST_TEST(input.skip(input.len()).has_value());
  input.release();
  BOOST_TEST(input.held_bytes() == 0U);
  for (int i = 0; i < 100; ++i) {
    receive(input, "a small message");
    BOOST_TEST(text(input.next(15).value()) == "a small message");
    if (i < 99) input.release();
  }
  BOOST_TEST(input.book_size() == 4096U);
  BOOST_TEST(input.held_bytes() <= 8192U);
  input.release();
  BOOST_TEST(input.held_bytes() == 0U);
  for (int i = 0; i < 4; ++i) own.memory->trim();
  BOOST_TEST(own.memory->bytes_held() == 0U);
}

BOOST_AUTO_TEST_CASE(counters_pass_two_to_the_31) {
  own_slab own;
  link_buffer buffer{*own.memory};
  const std::uint64_t enough = (std::uint64_t{1} << 32) + 4096;
  while (buffer.read_position() < enough) {
    const auto space = buffer.book().value();
    (void)buffer.book_ack(space.size());
    (void)buffer.consume(space.size() - 7);
    if (buffer.len() > 1000) (void)buffer.consume(buffer.len());
  }
  BOOST_TEST(buffer.commit_position() - buffer.read_position() == buffer.len());
  BOOST_TEST(buffer.consume(buffer.len()).has_value());
  (void)buffer.write_string("still right");
  (void)buffer.commit();
  BOOST_TEST(buffer.to_string() == "still right");
}

BOOST_AUTO_TEST_CASE(a_slice_never_releases_its_parent_and_may_outlive_it) {
  own_slab own;
  std::optional<link_buffer> slice;
  {
    link_buffer parent{*own.memory};
    adopt_pieces(parent, {"0123456789", "abcdefghij"});
    const auto span = parent.next(5).value();
    slice = parent.slice(10).value();
    BOOST_TEST(text(span) == "01234");
    BOOST_TEST(parent.to_string() == "fghij");
  }
  BOOST_TEST(slice->to_string() == "56789abcde");
}

BOOST_AUTO_TEST_CASE(write_direct_memory_lives_as_long_as_a_slice_of_it) {
  own_slab own;
  std::optional<link_buffer> slice;
  {
    link_buffer buffer{*own.memory};
    (void)buffer.write_string("headtail");
    (void)buffer.write_direct(pattern(10000), 4);
    (void)buffer.commit();
    slice = buffer.slice(10008).value();
  }
  BOOST_TEST(slice->to_string() == "head" + pattern(10000) + "tail");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
