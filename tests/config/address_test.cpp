// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/values/address.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace shoal::config {
namespace {

std::string bound(std::string_view text) {
  const auto address = parse_bind(text);
  return address ? address->text() : "error: " + address.error().hint;
}

bool in_conflict(std::string_view a, std::string_view b) {
  const bool is_so = conflict(parse_bind(a).value(), parse_bind(b).value());
  BOOST_TEST(is_so == conflict(parse_bind(b).value(), parse_bind(a).value()));
  return is_so;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(addresses)

BOOST_AUTO_TEST_CASE(each_has_one_spelling) {
  BOOST_TEST(bound("127.0.0.1:80") == "127.0.0.1:80");
  BOOST_TEST(bound("0.0.0.0:0") == "0.0.0.0:0");
  BOOST_TEST(bound("[::1]:65535") == "[::1]:65535");
  BOOST_TEST(bound("[0:0:0:0:0:0:0:1]:080") == "[::1]:80");
  BOOST_TEST(bound("[2001:DB8::A]:443") == "[2001:db8::a]:443");
  BOOST_TEST(bound("unix:/run/x.sock") == "unix:/run/x.sock");
  BOOST_TEST(bound("fd://3") == "fd://3");
}

BOOST_AUTO_TEST_CASE(other_spellings_get_a_hint) {
  BOOST_TEST(bound("8080") == "error: write `0.0.0.0:8080`, or `127.0.0.1:8080` for this machine only");
  BOOST_TEST(bound(":8080") == "error: write `0.0.0.0:8080`, or `[::]:8080` for IPv6");
  BOOST_TEST(bound("*:8080") == "error: write `0.0.0.0:8080`, or `[::]:8080` for IPv6");
  BOOST_TEST(bound("localhost:80") == "error: write `127.0.0.1:80`");
  BOOST_TEST(bound("::1:80") == "error: write `[::1]:80`");
  BOOST_TEST(bound("fe80::1") == "error: write `[fe80::1]:8080`");
  BOOST_TEST(bound("http://10.0.0.1:80/x") == "error: write the address only: `10.0.0.1:80`");
  BOOST_TEST(bound("/run/x.sock") == "error: write `unix:/run/x.sock`");
}

BOOST_AUTO_TEST_CASE(what_is_no_address_is_refused) {
  for (const char* const text : {"",
                                 "x",
                                 "127.0.0.1",
                                 "127.0.0.1:",
                                 "127.0.0.1:x",
                                 "127.0.0.1:65536",
                                 "127.0.0.1:-1",
                                 "127.0.0.1: 80",
                                 "127.0.0.256:80",
                                 "127.1:80",
                                 "0x7f.0.0.1:80",
                                 "[::1]",
                                 "[::1]80",
                                 "[::1]:",
                                 "[::1:80",
                                 "[]:80",
                                 "[127.0.0.1]:80",
                                 "unix:",
                                 "fd://",
                                 "fd://x",
                                 "fd://-1",
                                 "[fe80::1%eth0]:80"}) {
    BOOST_TEST(!parse_bind(text).has_value(), text);
  }
  BOOST_TEST(!parse_bind("unix:/" + std::string(107, 'x')).has_value());
  BOOST_TEST(parse_bind("unix:/" + std::string(106, 'x')).has_value());
  BOOST_TEST(!parse_bind(std::string_view("127.0.0.1\0:80", 13)).has_value());
}

BOOST_AUTO_TEST_CASE(an_endpoint_is_somewhere_to_connect_to) {
  BOOST_TEST(parse_endpoint("10.0.0.1:9000").value().text() == "10.0.0.1:9000");
  BOOST_TEST(parse_endpoint("unix:/run/x").value().text() == "unix:/run/x");
  for (const char* const text : {"10.0.0.1:0", "0.0.0.0:80", "[::]:80", "fd://3", "10.0.0.1"}) {
    BOOST_TEST(!parse_endpoint(text).has_value(), text);
  }
  BOOST_TEST(parse_endpoint("db.svc:5432").error().hint == "write `{ dns: \"db.svc:5432\" }` to look it up");
}

BOOST_AUTO_TEST_CASE(conflicts_are_those_of_linux) {
  BOOST_TEST(in_conflict("127.0.0.1:80", "127.0.0.1:80"));
  BOOST_TEST(in_conflict("0.0.0.0:80", "127.0.0.1:80"));
  BOOST_TEST(in_conflict("[::]:80", "[::1]:80"));
  BOOST_TEST(in_conflict("[::1]:80", "[0::1]:80"));
  BOOST_TEST(in_conflict("unix:/a", "unix:/a"));
  BOOST_TEST(in_conflict("fd://3", "fd://3"));
  BOOST_TEST(!in_conflict("127.0.0.1:80", "127.0.0.2:80"));
  BOOST_TEST(!in_conflict("127.0.0.1:80", "127.0.0.1:81"));
  BOOST_TEST(!in_conflict("127.0.0.1:0", "127.0.0.1:0"));
  BOOST_TEST(!in_conflict("0.0.0.0:0", "0.0.0.0:0"));
  BOOST_TEST(!in_conflict("0.0.0.0:80", "[::]:80"));
  BOOST_TEST(!in_conflict("unix:/a", "127.0.0.1:80"));
}

BOOST_AUTO_TEST_CASE(networks_have_no_bits_behind_their_length) {
  BOOST_TEST(parse_network("10.0.0.0/8").value().text() == "10.0.0.0/8");
  BOOST_TEST(parse_network("10.1.2.3").value().text() == "10.1.2.3/32");
  BOOST_TEST(parse_network("0.0.0.0/0").value().text() == "0.0.0.0/0");
  BOOST_TEST(parse_network("2001:db8::/32").value().text() == "2001:db8::/32");
  BOOST_TEST(parse_network("10.0.0.1/8").error().hint == "write `10.0.0.0/8`");
  for (const char* const text : {"", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "10/8", "a.b"}) {
    BOOST_TEST(!parse_network(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(names_to_look_up_have_a_port) {
  BOOST_TEST(parse_host_port("api.svc:9000").value().text() == "api.svc:9000");
  BOOST_TEST(parse_host_port("a_b-c.example.com.:1").has_value());
  for (const char* const text :
       {"", "api.svc", "api.svc:0", "api.svc:65536", ":80", "a..b:80", "a b:80", "http://a:80"}) {
    BOOST_TEST(!parse_host_port(text).has_value(), text);
  }
  BOOST_TEST(!parse_host_port(std::string(64, 'a') + ":80").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::config
