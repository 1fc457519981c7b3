// SPDX-License-Identifier: Apache-2.0
// ClientHellos as bytes: whose name is found, wherever records and blocks part them; what is refused and why.
#include <shoal/net/sni/client_hello.hpp>

#include <tests/buffers/bytes.hpp>
#include <tests/net/openings/byte_table.hpp>
#include <tests/net/openings/hello_maker.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

using shoal::client_hello_look;
using shoal::client_hello_parser;
using shoal::link_buffer;
using shoal::test::adopt_pieces;
using shoal::test::extension;
using shoal::test::hello_for;
using shoal::test::hello_with;
using shoal::test::in_records;
using shoal::test::own_slab;
using shoal::test::receive;
using shoal::test::server_name_extension;
using shoal::test::sized;

namespace {

std::string shown(const client_hello_look& seen) {
  switch (seen.is) {
    case client_hello_look::state::incomplete: return "incomplete";
    case client_hello_look::state::malformed: return make_error_code(seen.error).message();
    case client_hello_look::state::complete: return "name:" + seen.server_name;
  }
  return "?";
}

/// What one look at all of it says.
std::string judged(std::string_view bytes) {
  own_slab s;
  link_buffer input{*s.memory};
  receive(input, bytes);
  client_hello_parser parser;
  return shown(parser.look(input));
}

/// What looking says that takes each byte when it comes; and that it never looks in vain.
std::string judged_byte_by_byte(std::string_view bytes) {
  own_slab s;
  link_buffer input{*s.memory};
  client_hello_parser parser;
  client_hello_look seen;
  for (std::size_t i = 0; i < bytes.size() && seen.is == client_hello_look::state::incomplete; ++i) {
    receive(input, bytes.substr(i, 1));
    if (input.len() < seen.wanted) continue;
    seen = parser.look(input);
    if (seen.is != client_hello_look::state::incomplete) break;
    BOOST_TEST_REQUIRE(seen.wanted > input.len());
  }
  return shown(seen);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(client_hello)

BOOST_AUTO_TEST_CASE(the_name_is_found_wherever_blocks_part_the_hello) {
  const std::string bytes = hello_for("db.example.com") + "what follows";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    own_slab s;
    link_buffer input{*s.memory};
    adopt_pieces(input, {std::string_view{bytes}.substr(0, cut), std::string_view{bytes}.substr(cut)});
    client_hello_parser parser;
    BOOST_TEST(shown(parser.look(input)) == "name:db.example.com", cut);
    BOOST_TEST(input.len() == bytes.size());
  }
}

BOOST_AUTO_TEST_CASE(the_name_is_found_in_records_of_any_size) {
  const std::size_t size = hello_with(server_name_extension("db.example.com")).size();
  for (std::size_t payload = 1; payload <= size + 200; ++payload) {
    const std::string bytes = hello_for("db.example.com", payload);
    BOOST_TEST(judged(bytes) == "name:db.example.com", payload);
    BOOST_TEST(judged_byte_by_byte(bytes) == "name:db.example.com", payload);
  }
}

BOOST_AUTO_TEST_CASE(a_part_of_a_hello_waits_for_the_rest) {
  for (const std::size_t payload : {std::size_t{16384}, std::size_t{7}}) {
    const std::string bytes = hello_for("db.example.com", payload);
    for (std::size_t here = 0; here < bytes.size(); ++here) {
      BOOST_TEST(judged(std::string_view{bytes}.substr(0, here)) == "incomplete", here);
    }
  }
}

BOOST_AUTO_TEST_CASE(names_become_lower_case_and_lose_their_last_dot) {
  BOOST_TEST(judged(hello_for("DB.Example.COM")) == "name:db.example.com");
  BOOST_TEST(judged(hello_for("db.example.com.")) == "name:db.example.com");
  BOOST_TEST(judged(hello_for("xn--bcher-kva.example")) == "name:xn--bcher-kva.example");
  BOOST_TEST(judged(hello_for("_under.score")) == "name:_under.score");
  BOOST_TEST(judged(hello_for("192.0.2.1")) == "name:192.0.2.1");
  BOOST_TEST(judged(hello_for(std::string(255, 'a'))) == "name:" + std::string(255, 'a'));
}

BOOST_AUTO_TEST_CASE(a_client_may_name_nothing) {
  BOOST_TEST(judged(in_records(hello_with(""), 16384)) == "name:");
  BOOST_TEST(judged(in_records(hello_with(extension(16, "\0\3\2h2")), 16384)) == "name:");
  // Names of a kind that is not known; and one that is, behind it.
  const std::string other = '\7' + sized("anything", 2);
  BOOST_TEST(judged(in_records(hello_with(extension(0, sized(other, 2))), 16384)) == "name:");
  const std::string both = other + '\0' + sized("a.b", 2);
  BOOST_TEST(judged(in_records(hello_with(extension(0, sized(both, 2))), 16384)) == "name:a.b");
}

BOOST_AUTO_TEST_CASE(a_large_hello_is_taken_up_to_the_limit) {
  const auto with_padding = [](std::size_t bytes) {
    return hello_with(extension(21, std::string(bytes, '\0')) + server_name_extension("a.b"));
  };
  BOOST_TEST(judged(in_records(with_padding(60'000), 16384)) == "name:a.b");
  // Exactly the limit, in four records; then a byte more.
  const std::size_t rest = with_padding(0).size();
  const std::size_t most = client_hello_parser::max_bytes - 4 * 5 - rest;
  BOOST_TEST(in_records(with_padding(most), 16384).size() == client_hello_parser::max_bytes);
  BOOST_TEST(judged(in_records(with_padding(most), 16384)) == "name:a.b");
  BOOST_TEST(judged(in_records(with_padding(most + 1), 16384)) == "longer than 64 KiB");
  // However they come: a limit that depends on the packets would be none.
  const std::string small = in_records(with_padding(60'000), 50);
  BOOST_TEST(small.size() > client_hello_parser::max_bytes);
  BOOST_TEST(judged(small) == "longer than 64 KiB");
  BOOST_TEST(judged_byte_by_byte(small) == "longer than 64 KiB");
}

BOOST_AUTO_TEST_CASE(bad_hellos_are_refused_for_the_right_reason) {
  const auto rows = shoal::test::byte_table("bad_client_hellos.txt");
  BOOST_TEST(rows.size() >= 40U);
  for (const auto& row : rows) {
    BOOST_TEST_CONTEXT("line " << row.line << ": " << row.rule) {
      BOOST_TEST(judged(row.bytes) == row.why);
      BOOST_TEST(judged_byte_by_byte(row.bytes) == row.why);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
