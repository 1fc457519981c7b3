// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/link_buffer.hpp>
#include <tests/buffers/bytes.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace shoal::test {

BOOST_AUTO_TEST_SUITE(link_buffer_reading)

BOOST_AUTO_TEST_CASE(one_block_is_read_in_place) {
  own_slab own;
  link_buffer buffer{*own.memory};
  receive(buffer, "GET / HTTP/1.1\r\nHost: a\r\n");
  const auto method = buffer.until(' ').value();
  const auto rest = buffer.until("\r\n").value();
  BOOST_TEST(text(method) == "GET ");
  BOOST_TEST(text(rest) == "/ HTTP/1.1\r\n");
  BOOST_TEST((method.data() + method.size() == rest.data()));  // the very bytes that were received
  BOOST_TEST(own.memory->bytes_copied() == 0U);
  BOOST_TEST(buffer.unreleased() == 16U);
  buffer.release();
  BOOST_TEST(buffer.unreleased() == 0U);
  BOOST_TEST(buffer.to_string() == "Host: a\r\n");
}

BOOST_AUTO_TEST_CASE(a_span_across_blocks_is_copied_once) {
  own_slab own;
  link_buffer buffer{*own.memory};
  adopt_pieces(buffer, {"012345", "6789ab", "cdef"});
  BOOST_TEST(text(buffer.peek(10).value()) == "0123456789");
  BOOST_TEST(text(buffer.next(4).value()) == "0123");
  BOOST_TEST(text(buffer.next(6).value()) == "456789");  // of what peek gathered
  BOOST_TEST(own.memory->bytes_copied() == 10U);
  BOOST_TEST(text(buffer.next(6).value()) == "abcdef");
  BOOST_TEST(own.memory->bytes_copied() == 16U);
  buffer.release();
  BOOST_TEST(buffer.held_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(spans_live_until_release_whatever_happens_meanwhile) {
  own_slab own;
  link_buffer buffer{*own.memory};
  link_buffer output{*own.memory};
  adopt_pieces(buffer, {"first block ", "second block ", "third block"});
  const auto a = buffer.next(6).value();
  const auto b = buffer.peek(15).value();
  const auto c = buffer.next(12).value();
  (void)output.append(buffer.take(3).value());
  (void)output.append(buffer.take_all());
  (void)output.commit();
  (void)output.consume(output.len());
  receive(buffer, pattern(20000));
  (void)buffer.skip(20000);
  BOOST_TEST(text(a) == "first ");
  BOOST_TEST(text(b) == "block second bl");
  BOOST_TEST(text(c) == "block second");
  buffer.release();
  BOOST_TEST(buffer.held_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_skipped_without_spans_is_freed_at_once) {
  own_slab own;
  link_buffer buffer{*own.memory};
  adopt_pieces(buffer, {"0123456789", "abcdefghij"});
  (void)buffer.skip(15);
  BOOST_TEST(buffer.held_bytes() == 4096U);
  BOOST_TEST(buffer.unreleased() == 0U);
  (void)buffer.skip(5);
  BOOST_TEST(buffer.held_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(integers_are_read_in_both_orders_and_across_blocks) {
  own_slab own;
  link_buffer buffer{*own.memory};
  const std::string_view bytes{"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15",
                               21};
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    adopt_pieces(buffer, {bytes.substr(0, cut), bytes.substr(cut)});
    BOOST_TEST(buffer.read_u16_be().value() == 0x0102);
    BOOST_TEST(buffer.read_u16_le().value() == 0x0403);
    BOOST_TEST(buffer.read_u32_be().value() == 0x05060708U);
    BOOST_TEST(buffer.read_u32_le().value() == 0x0c0b0a09U);
    BOOST_TEST(buffer.read_u64_be().value() == 0x0d0e0f1011121314U);
    BOOST_TEST((buffer.read_byte().value() == std::byte{0x15}));
    BOOST_TEST((buffer.read_u8().error() == errc::not_enough_data));
  }
  adopt_pieces(buffer, {"\x01\x02\x03\x04\x05", "\x06\x07\x08"});
  BOOST_TEST(buffer.read_u64_le().value() == 0x0807060504030201U);
}

BOOST_AUTO_TEST_CASE(varints_are_read_as_written) {
  own_slab own;
  link_buffer buffer{*own.memory};
  for (unsigned bits = 0; bits < 64; ++bits) {
    const std::uint64_t value = (std::uint64_t{1} << bits) + (bits & 1);
    (void)buffer.write_varint(value);
    (void)buffer.commit();
    BOOST_TEST(buffer.len() == bits / 7 + 1);
    BOOST_TEST(buffer.read_varint().value() == value);
  }
  for (const std::uint64_t value : {std::uint64_t{0}, ~std::uint64_t{0}}) {
    (void)buffer.write_varint(value);
    (void)buffer.commit();
    BOOST_TEST(buffer.read_varint().value() == value);
  }
  adopt_pieces(buffer, {"\xac", "\x02"});
  BOOST_TEST(buffer.read_varint().value() == 300U);
  receive(buffer, "\xff\xff");
  BOOST_TEST((buffer.read_varint().error() == errc::not_enough_data));
  BOOST_TEST(buffer.len() == 2U);
  receive(buffer, "\xff\xff\xff\xff\xff\xff\xff\x02");
  BOOST_TEST((buffer.read_varint().error() == errc::invalid_argument));  // 65 bits
  BOOST_TEST(buffer.len() == 10U);
}

BOOST_AUTO_TEST_CASE(bytes_are_found_across_blocks) {
  own_slab own;
  link_buffer buffer{*own.memory};
  adopt_pieces(buffer, {"ab\r", "\r\ncd", "\r\n\r", "\nend"});
  BOOST_TEST(buffer.find('c') == 5U);
  BOOST_TEST(buffer.find('\r') == 2U);
  BOOST_TEST(buffer.find('\r', 4) == 7U);
  BOOST_TEST(buffer.find('z') == link_buffer::npos);
  BOOST_TEST(buffer.find("\r\n") == 3U);
  BOOST_TEST(buffer.find("\r\n\r\n") == 7U);
  BOOST_TEST(buffer.find("\r\n", 4) == 7U);
  BOOST_TEST(buffer.find("end.") == link_buffer::npos);
  BOOST_TEST(buffer.find("", 14) == 14U);
  BOOST_TEST(buffer.find("", 15) == link_buffer::npos);
  BOOST_TEST(own.memory->bytes_copied() == 0U);
  BOOST_TEST(text(buffer.until("\r\n\r\n").value()) == "ab\r\r\ncd\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(whole_messages_are_handed_out_in_one_pass) {
  own_slab own;
  link_buffer buffer{*own.memory};
  std::string all;
  for (std::size_t i = 0; i < 300; ++i) all += std::string(i % 131, 'x') + '\n';
  const std::string_view rest = "incomplete";
  for (const std::size_t cut : {1U, 63U, 64U, 65U, 4096U, 10000U}) {
    std::string_view left = all;
    for (; left.size() > cut; left.remove_prefix(cut)) adopt_pieces(buffer, {left.substr(0, cut)});
    adopt_pieces(buffer, {left, rest});
    std::vector<std::span<const std::byte>> messages;
    BOOST_TEST(buffer.each_until('\n', [&messages](auto message) { messages.push_back(message); }).value() == 300U);
    std::string seen;
    for (const auto message : messages) {
      BOOST_TEST(text(message).find('\n') == message.size() - 1);
      seen += text(message);
    }
    BOOST_TEST(seen == all);
    BOOST_TEST(buffer.to_string() == rest);
    BOOST_TEST(buffer.each_until('\n', [](auto) {}).value() == 0U);
    (void)buffer.consume(rest.size());
    BOOST_TEST(buffer.held_bytes() == 0U);
  }
  buffer.close();
  BOOST_TEST((buffer.each_until('\n', [](auto) {}).error() == errc::closed));
}

BOOST_AUTO_TEST_CASE(uncommitted_bytes_are_neither_found_nor_shown) {
  own_slab own;
  link_buffer buffer{*own.memory};
  (void)buffer.write_string("shown");
  (void)buffer.commit();
  (void)buffer.write_string("hidden\n");
  BOOST_TEST(buffer.find('h', 2) == link_buffer::npos);
  BOOST_TEST(buffer.find("hidden") == link_buffer::npos);
  BOOST_TEST((buffer.until('\n').error() == errc::not_enough_data));
  BOOST_TEST(buffer.contiguous().value() == "shown");
  BOOST_TEST((buffer.next(6).error() == errc::not_enough_data));
}

BOOST_AUTO_TEST_CASE(buffers_are_compared_whatever_their_pieces) {
  own_slab own;
  link_buffer one{*own.memory};
  link_buffer two{*own.memory};
  adopt_pieces(one, {"abc", "defg", "h"});
  adopt_pieces(two, {"a", "bcdefgh"});
  BOOST_TEST((one == two));
  BOOST_TEST((one == "abcdefgh"));
  BOOST_TEST(!(one == "abcdefgx"));
  BOOST_TEST(!(one == "abcdefg"));
  BOOST_TEST(one.starts_with("abcde"));
  BOOST_TEST(one.starts_with(""));
  BOOST_TEST(!one.starts_with("abd"));
  BOOST_TEST(!one.starts_with("abcdefghi"));
  BOOST_TEST(!one.contiguous());
  receive(two, "x");
  BOOST_TEST(!(one == two));
}

BOOST_AUTO_TEST_CASE(copies_are_counted) {
  own_slab own;
  link_buffer buffer{*own.memory};
  receive(buffer, pattern(10000));
  BOOST_TEST(buffer.read_string(1000).value() == pattern(10000).substr(0, 1000));
  BOOST_TEST(text(buffer.read_binary(1000).value()) == pattern(10000).substr(1000, 1000));
  std::array<std::byte, 500> part;
  BOOST_TEST(buffer.read_binary(part).has_value());
  BOOST_TEST(buffer.read_some(part).value() == 500U);
  BOOST_TEST(text(part) == pattern(10000).substr(2500, 500));
  BOOST_TEST(buffer.to_string().size() == 7000U);
  BOOST_TEST(own.memory->bytes_copied() == 10000U);
  (void)buffer.skip(6900);
  BOOST_TEST(buffer.read_some(part).value() == 100U);
  BOOST_TEST(buffer.read_some(part).value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_message_longer_than_the_largest_block_has_no_span) {
  own_slab own;
  link_buffer buffer{*own.memory};
  for (int i = 0; i < 9; ++i) {
    auto block = own.memory->allocate_block(std::size_t{1} << 20).value();
    const std::size_t size = block.capacity();
    BOOST_TEST(buffer.adopt(std::move(block), size).has_value());
  }
  BOOST_TEST((buffer.next((std::size_t{8} << 20) + 1).error() == errc::message_too_long));
  BOOST_TEST((buffer.malloc((std::size_t{8} << 20) + 1).error() == errc::message_too_long));
  BOOST_TEST(buffer.slice(std::size_t{9} << 20)->len() == std::size_t{9} << 20);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
