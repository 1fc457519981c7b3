// SPDX-License-Identifier: Apache-2.0
// PROXY headers as bytes: what is taken, what is refused and why, and that what is written reads back.
#include <shoal/net/proxy_protocol/crc32c.hpp>
#include <shoal/net/proxy_protocol/parse_proxy_header.hpp>
#include <shoal/net/proxy_protocol/write_proxy_header.hpp>
#include <tests/buffers/bytes.hpp>
#include <tests/net/openings/byte_table.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <string>
#include <string_view>

using shoal::address;
using shoal::link_buffer;
using shoal::look_at_proxy_header;
using shoal::parse_address;
using shoal::proxy_header;
using shoal::proxy_header_look;
using shoal::proxy_header_state;
using shoal::proxy_version;
using shoal::test::adopt_pieces;
using shoal::test::byte_row;
using shoal::test::byte_table;
using shoal::test::bytes_of;
using shoal::test::own_slab;
using shoal::test::receive;

namespace {

std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span{text}); }

/// "v2 192.0.2.1:56324 -> 192.0.2.9:443 crc tlvs=01...", to compare.
std::string shown(const proxy_header& h) {
  std::string text = h.version == proxy_version::v1 ? "v1" : "v2";
  if (h.is_local) text += " local";
  if (h.source.is_set()) text += " " + to_string(h.source) + " -> " + to_string(h.destination);
  if (h.has_checksum) text += " crc";
  if (!h.tlvs.empty()) text += " tlvs=";
  constexpr std::string_view digits = "0123456789abcdef";
  for (const auto b : h.tlvs) {
    text += digits[std::to_integer<unsigned>(b) >> 4U];
    text += digits[std::to_integer<unsigned>(b) & 15U];
  }
  return text;
}

std::string shown(const proxy_header_look& seen) {
  switch (seen.state) {
    case proxy_header_state::undecided: return "undecided";
    case proxy_header_state::incomplete: return "incomplete";
    case proxy_header_state::absent: return "the connection begins with something else";
    case proxy_header_state::malformed: return make_error_code(seen.error).message();
    case proxy_header_state::complete: return shown(seen.header);
  }
  return "?";
}

struct good_row {
  const char* bytes;
  const char* meaning;
};

// Checksums in here were computed by another implementation, bit by bit in Python.
constexpr std::array good_headers{
    good_row{R"('PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n')", "v1 192.0.2.1:56324 -> 192.0.2.9:443"},
    good_row{R"('PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n')",
             "v1 255.255.255.255:65535 -> 255.255.255.255:65535"},
    good_row{R"('PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n')", "v1 0.0.0.0:0 -> 0.0.0.0:0"},
    good_row{R"('PROXY TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:9 56324 443\r\n')",
             "v1 [2001:db8::1]:56324 -> [2001:db8::9]:443"},
    good_row{R"('PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.9 1 2\r\n')",
             "v1 [::ffff:192.0.2.1]:1 -> [::ffff:192.0.2.9]:2"},
    good_row{"'PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff '"
             "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\\r\\n'",
             "v1 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 -> [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    good_row{R"('PROXY UNKNOWN\r\n')", "v1"},
    good_row{R"('PROXY UNKNOWN whatever\nthis \0 is\r\n')", "v1"},
    good_row{R"('PROXY UNKNOWN ' 'x'*91 '\r\n')", "v1"},
    good_row{"SIG 20 00 0000", "v2 local"},
    good_row{"SIG 20 11 000c 'abcdabcdefef'", "v2 local"},
    good_row{"SIG 20 ff 0003 ffffff", "v2 local"},
    good_row{"SIG 21 11 000c c0000201 c0000209 dc04 01bb", "v2 192.0.2.1:56324 -> 192.0.2.9:443"},
    good_row{"SIG 21 21 0024 20010db8 00*11 01 20010db8 00*11 09 dc04 01bb",
             "v2 [2001:db8::1]:56324 -> [2001:db8::9]:443"},
    good_row{"SIG 21 31 00d8 '/run/a' 00*102 00 'abstract' 00*99", "v2 unix:/run/a -> unix:@abstract"},
    good_row{"SIG 21 31 00d8 00*108 '/run/b' 00*102", "v2 unix: -> unix:/run/b"},
    good_row{
        "SIG 21 31 00d8 'a'*107 00 'b'*107 00",
        "v2 unix:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa -> unix:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
    good_row{"SIG 21 00 0000", "v2"},
    good_row{"SIG 21 00 0005 020002 'ab'", "v2 tlvs=0200026162"},
    good_row{"SIG 21 00 0005 'other'", "v2"},                      // a family that we can't know
    good_row{"SIG 21 12 000c c0000201 c0000209 dc04 01bb", "v2"},  // not by datagrams: as if unknown
    good_row{"SIG 21 22 0027 'a'*36 ee0000", "v2 tlvs=ee0000"},
    good_row{"SIG 21 11 0014 c0000201 c0000209 dc04 01bb 010002 'h2' 040000", "v2 192.0.2.1:56324 -> 192.0.2.9:443 "
                                                                              "tlvs=0100026832"},  // without padding
    good_row{"SIG 21 11 0013 c0000201 c0000209 dc04 01bb 030004 0b386c7e", "v2 192.0.2.1:56324 -> 192.0.2.9:443 crc"},
    good_row{"SIG 21 11 0018 c0000201 c0000209 dc04 01bb 030004 ff31fc82 010002 'h2'",
             "v2 192.0.2.1:56324 -> 192.0.2.9:443 crc tlvs=0100026832"},
    good_row{"SIG 21 11 008f c0000201 c0000209 dc04 01bb 050080 'u'*128", nullptr},
    good_row{"SIG 21 11 3ff0 c0000201 c0000209 dc04 01bb eb3fe1 'x'*16353", nullptr},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(proxy_header_suite)

BOOST_AUTO_TEST_CASE(good_headers_are_understood_wherever_their_blocks_end) {
  const std::string payload = "PAYLOAD";
  for (const good_row& row : good_headers) {
    const std::string header = bytes_of(row.bytes);
    const std::string whole = header + payload;
    const std::size_t step = header.size() > 300 ? 97 : 1;
    BOOST_TEST_CONTEXT(row.bytes) {
      for (std::size_t cut = 1; cut < whole.size(); cut += step) {
        own_slab s;
        link_buffer split{*s.memory};
        adopt_pieces(split, {std::string_view{whole}.substr(0, cut), std::string_view{whole}.substr(cut)});
        const auto seen = look_at_proxy_header(split);
        BOOST_TEST((seen.state == proxy_header_state::complete), shown(seen));
        BOOST_TEST(seen.length == header.size());
        if (row.meaning != nullptr) BOOST_TEST(shown(seen) == row.meaning);
        BOOST_TEST(split.len() == whole.size());  // looking consumes nothing
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_part_of_a_good_header_waits_for_more) {
  for (const good_row& row : good_headers) {
    const std::string header = bytes_of(row.bytes);
    const std::size_t step = header.size() > 300 ? 97 : 1;
    BOOST_TEST_CONTEXT(row.bytes) {
      for (std::size_t here = 0; here < header.size(); here += step) {
        own_slab s;
        link_buffer part{*s.memory};
        receive(part, std::string_view{header}.substr(0, here));
        const auto seen = look_at_proxy_header(part);
        const std::size_t signature = header.starts_with("PROXY ") ? 6 : 12;
        BOOST_TEST(shown(seen) == (here < signature ? "undecided" : "incomplete"));
        BOOST_TEST(seen.length > here);            // looking again before that is in vain
        BOOST_TEST(seen.length <= header.size());  // and after that at the latest is not
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(bad_headers_are_refused_for_the_right_reason) {
  const auto rows = byte_table("bad_proxy_headers.txt");
  BOOST_TEST(rows.size() >= 40U);
  for (const byte_row& row : rows) {
    BOOST_TEST_CONTEXT("line " << row.line << ": " << row.rule) {
      own_slab s;
      link_buffer input{*s.memory};
      receive(input, row.bytes);
      BOOST_TEST(shown(look_at_proxy_header(input)) == row.why);
      // Nobody is kept waiting for bytes of which the first are wrong already, or for more than there may be.
      for (std::size_t here = 1; here < std::min<std::size_t>(row.bytes.size(), 600); ++here) {
        link_buffer part{*s.memory};
        receive(part, std::string_view{row.bytes}.substr(0, here));
        const auto seen = look_at_proxy_header(part);
        BOOST_TEST((seen.state != proxy_header_state::complete), here);
        if (seen.state == proxy_header_state::incomplete) {
          BOOST_TEST((seen.length > here && seen.length <= proxy_header::max_v2));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_changed_byte_is_found_by_the_checksum) {
  own_slab s;
  link_buffer out{*s.memory};
  proxy_header header{.version = proxy_version::v2, .has_checksum = true};
  header.source = parse_address("[2001:db8::1]:56324").value();
  header.destination = parse_address("[2001:db8::9]:443").value();
  BOOST_REQUIRE(write_proxy_header(out, header));
  BOOST_REQUIRE(out.commit());
  const std::string bytes = out.to_string();
  for (std::size_t i = 16; i < bytes.size() - 7; ++i) {  // the addresses: no other rule looks at them
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    link_buffer in{*s.memory};
    receive(in, changed);
    BOOST_TEST(shown(look_at_proxy_header(in)) == "v2: the CRC32c does not match", i);
  }
}

BOOST_AUTO_TEST_CASE(the_checksum_is_the_one_of_rfc_3720) {
  BOOST_TEST(shoal::crc32c({}) == 0U);
  BOOST_TEST(shoal::crc32c(as_bytes("123456789")) == 0xE3069283U);
  BOOST_TEST(shoal::crc32c(as_bytes(std::string(32, '\0'))) == 0x8A9136AAU);
  BOOST_TEST(shoal::crc32c(as_bytes("6789"), shoal::crc32c(as_bytes("12345"))) == 0xE3069283U);
}

BOOST_AUTO_TEST_CASE(what_is_written_reads_back) {
  const auto tlv = as_bytes(std::string_view{"\x02\0\x04name\xee\0\0", 10});
  for (const auto version : {proxy_version::v1, proxy_version::v2}) {
    for (const bool has_checksum : {false, true}) {
      for (const auto& [from, to] :
           {std::pair{"192.0.2.1:56324", "192.0.2.9:443"}, std::pair{"[2001:db8::1]:1", "[::]:65535"},
            std::pair{"unix:/run/a", "unix:@b"}, std::pair{"192.0.2.1:1", "[2001:db8::9]:2"}}) {
        proxy_header header{.version = version, .has_checksum = has_checksum};
        header.source = parse_address(from).value();
        header.destination = parse_address(to).value();
        header.tlvs.assign(tlv.begin(), tlv.end());
        own_slab s;
        link_buffer out{*s.memory};
        BOOST_REQUIRE(write_proxy_header(out, header));
        BOOST_REQUIRE(out.commit());
        const auto seen = look_at_proxy_header(out);
        BOOST_TEST(seen.length == out.len());
        const bool is_v1 = version == proxy_version::v1;
        const bool is_said = header.source.family() == header.destination.family() && (header.source.is_ip() || !is_v1);
        if (!is_said) header.source = header.destination = address{};
        if (is_v1) {
          header.tlvs.clear();
          header.has_checksum = false;
        }
        BOOST_TEST(shown(seen) == shown(header));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_health_check_of_our_own_is_local) {
  own_slab s;
  link_buffer out{*s.memory};
  BOOST_REQUIRE(write_proxy_header(out, {.version = proxy_version::v2, .is_local = true}));
  BOOST_REQUIRE(out.commit());
  BOOST_TEST((out == bytes_of("SIG 20 00 0000")));
  link_buffer line{*s.memory};
  BOOST_REQUIRE(write_proxy_header(line, {.version = proxy_version::v1, .is_local = true}));
  BOOST_REQUIRE(line.commit());
  BOOST_TEST((line == "PROXY UNKNOWN\r\n"));
}

BOOST_AUTO_TEST_CASE(tlvs_beyond_the_limit_are_refused_and_nothing_is_written) {
  own_slab s;
  link_buffer out{*s.memory};
  proxy_header header;
  header.tlvs.resize(65'536);
  const auto written = write_proxy_header(out, header);
  BOOST_TEST((!written && written.error() == shoal::errc::invalid_argument));
  BOOST_TEST(out.malloc_len() == 0U);
}

BOOST_AUTO_TEST_CASE(a_tlv_is_found_by_its_type) {
  own_slab s;
  link_buffer in{*s.memory};
  receive(in, bytes_of("SIG 21 00 0012 010002 'h2' 020004 'name' 010003 'any'"));
  const auto seen = look_at_proxy_header(in);
  BOOST_TEST_REQUIRE((seen.state == proxy_header_state::complete), shown(seen));
  BOOST_TEST(shoal::test::text(*seen.header.find_tlv(1)) == "h2");
  BOOST_TEST(shoal::test::text(*seen.header.find_tlv(2)) == "name");
  BOOST_TEST(!seen.header.find_tlv(3).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
