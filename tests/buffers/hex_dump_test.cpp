// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/hex_dump.hpp>

#include <shoal/buffers/fmt.hpp>
#include <shoal/buffers/link_buffer.hpp>
#include <tests/buffers/bytes.hpp>

#include <boost/test/unit_test.hpp>

#include <span>
#include <string_view>

namespace shoal::test {

BOOST_AUTO_TEST_SUITE(dumps)

BOOST_AUTO_TEST_CASE(a_dump_shows_offset_values_and_text_whatever_the_pieces) {
  own_slab own;
  link_buffer buffer{*own.memory};
  adopt_pieces(buffer, {"GET / HT", "TP/1.1\r\n", "\x7f\xff"});
  const std::string expected = "0000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|\n"
                               "0010  7f ff                                             |..|\n";
  BOOST_TEST(hex_dump(buffer) == expected);
  BOOST_TEST(hex_dump(std::as_bytes(std::span{std::string_view{"GET / HTTP/1.1\r\n\x7f\xff"}})) == expected);
  BOOST_TEST(hex_dump(buffer, 2) == "0000  47 45                                             |GE|\n"
                                    "(16 more bytes)\n");
  BOOST_TEST(hex_dump(std::span<const std::byte>{}).empty());
  BOOST_TEST(buffer.len() == 18U);
}

BOOST_AUTO_TEST_CASE(fmt_prints_readable_bytes) {
  own_slab own;
  link_buffer buffer{*own.memory};
  adopt_pieces(buffer, {"a\n", "b\\"});
  BOOST_TEST(fmt::format("{}", buffer) == "a\\x0ab\\");
  BOOST_TEST(fmt::format("{:x}", buffer) == "610a625c");
  BOOST_TEST(fmt::format("{:.3}", buffer) == "a\\x0ab...");
  BOOST_TEST(fmt::format("{:.1x}|", buffer) == "61...|");
  BOOST_TEST(fmt::format("[{}]", link_buffer{*own.memory}) == "[]");
  BOOST_CHECK_THROW((void)fmt::format(fmt::runtime("{:q}"), buffer), fmt::format_error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
