// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/address.hpp>

#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/un.h>

#include <array>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

using shoal::address;
using shoal::address_problem;
using shoal::parse_address;

namespace {

address parsed(std::string_view text) {
  auto a = parse_address(text);
  BOOST_REQUIRE_MESSAGE(a.has_value(), text << ": " << address_problem(text));
  BOOST_TEST(address_problem(text) == "");
  return *a;
}

/// Through the kernel's form and back.
address again(const address& a) {
  const auto view = a.view();
  auto back = address::from_sockaddr(view.data, view.size);
  BOOST_REQUIRE(back.has_value());
  return *back;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(address_suite)

BOOST_AUTO_TEST_CASE(what_people_write_comes_back_as_written) {
  for (const std::string text :
       {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[::]:8080", "[2001:db8::7]:443",
        "[fe80::1%2]:80", "[::ffff:10.0.0.1]:80", "unix:/run/x.sock", "unix:relative", "unix:@abstract"}) {
    BOOST_TEST_CONTEXT(text) {
      const auto a = parsed(text);
      BOOST_TEST(to_string(a) == text);
      BOOST_TEST((again(a) == a));
    }
  }
}

BOOST_AUTO_TEST_CASE(other_spellings_of_the_same) {
  BOOST_TEST(to_string(parsed("[2001:0DB8:0:0:0:0:0:7]:0443")) == "[2001:db8::7]:443");
  BOOST_TEST(to_string(*parse_address("127.0.0.1", 80)) == "127.0.0.1:80");
  BOOST_TEST(to_string(*parse_address("127.0.0.1:81", 80)) == "127.0.0.1:81");
  BOOST_TEST(to_string(*parse_address("::1", 80)) == "[::1]:80");
  BOOST_TEST(to_string(*parse_address("[::1]", 80)) == "[::1]:80");
}

BOOST_AUTO_TEST_CASE(every_refusal_says_what_is_wrong_and_what_would_be_right) {
  const std::vector<std::pair<std::string, std::string>> refused{
      {"", "the address is empty (127.0.0.1:80, [::1]:80 or unix:/run/x.sock)"},
      {"127.0.0.1", "the port is missing (127.0.0.1:80)"},
      {"[::1]", "the port is missing ([::1]:80)"},
      {"127.0.0.1:", "the port is missing after the colon (0 to 65535)"},
      {"127.0.0.1:65536", "port 65536 is too large (0 to 65535)"},
      {"127.0.0.1:99999999999999999999", "port 99999999999999999999 is too large (0 to 65535)"},
      {"127.0.0.1:-1", "port \"-1\" is not a number (0 to 65535)"},
      {"127.0.0.1:80 ", "port \"80 \" is not a number (0 to 65535)"},
      {"127.0.0.1:http", "port \"http\" is not a number (0 to 65535)"},
      {"127.0.0:80", "\"127.0.0\" is not an IPv4 address (four numbers from 0 to 255, without leading zeros)"},
      {"127.0.0.256:80", "\"127.0.0.256\" is not an IPv4 address (four numbers from 0 to 255, without leading zeros)"},
      {"010.0.0.1:80", "\"010.0.0.1\" is not an IPv4 address (four numbers from 0 to 255, without leading zeros)"},
      {"localhost:80", "localhost is a name, and names are not resolved here (127.0.0.1:80)"},
      {"db.example.com:80",
       "\"db.example.com\" is not a numeric address, and names are not resolved here (127.0.0.1:80, "
       "[::1]:80 or unix:/run/x.sock)"},
      {":80", "the host is missing (0.0.0.0:80 or [::]:80 for every address of this machine)"},
      {"*:80", "the host is missing (0.0.0.0:80 or [::]:80 for every address of this machine)"},
      {"::1:80", "an IPv6 address stands in brackets, or its end can't be told from the port (like [::1]:80)"},
      {"[::1:80", "the bracket is never closed (like [::1]:80)"},
      {"[::1]80", "\"80\" follows the bracket (like [::1]:80)"},
      {"[::g]:80", "\"::g\" is not an IPv6 address (like [::1]:80 or [2001:db8::7]:80)"},
      {"[127.0.0.1]:80", "\"127.0.0.1\" is not an IPv6 address (like [::1]:80 or [2001:db8::7]:80)"},
      {"[fe80::1%eth0]:80", "scope \"eth0\" is not a number (the interface's index, as `ip link` shows it)"},
      {"http://127.0.0.1:80", "\"http://127.0.0.1:80\" is a URL (only host and port, like 127.0.0.1:80)"},
      {"/run/x.sock", "a path alone is not an address (unix:/run/x.sock)"},
      {"unix:", "a unix socket needs a name (unix:/run/x.sock or unix:@name)"},
      {"unix:@", "a unix socket needs a name (unix:/run/x.sock or unix:@name)"},
      {"unix:" + std::string(108, 'x'), "the name of the unix socket has 108 bytes (at most 107)"},
      {std::string("unix:/a\0b", 9), "the name of the unix socket contains a zero byte (unix:/run/x.sock)"},
      {std::string("127.0.0.1\0x:80", 14),
       "the address contains a zero byte (127.0.0.1:80, [::1]:80 or unix:/run/x.sock)"},
  };
  for (const auto& [text, problem] : refused) {
    BOOST_TEST(address_problem(text) == problem);
    const auto a = parse_address(text);
    BOOST_REQUIRE(!a.has_value());
    BOOST_TEST((a.error() == shoal::errc::invalid_argument));
  }
}

BOOST_AUTO_TEST_CASE(parts) {
  const auto v4 = parsed("10.1.2.3:8080");
  BOOST_TEST(v4.family() == AF_INET);
  BOOST_TEST(v4.port() == 8080);
  BOOST_TEST((v4 == address::ipv4({10, 1, 2, 3}, 8080)));
  BOOST_TEST(v4.ip_bytes()[3] == 3);
  BOOST_TEST(to_string(v4.with_port(1)) == "10.1.2.3:1");
  const auto v6 = parsed("[fe80::1%3]:1");
  BOOST_TEST(v6.scope() == 3U);
  BOOST_TEST(v6.ip_bytes().size() == 16U);
  BOOST_TEST(to_string(v6.with_port(2)) == "[fe80::1%3]:2");
  const auto abstract = parsed("unix:@name");
  BOOST_TEST(abstract.is_unix());
  BOOST_TEST(abstract.is_abstract());
  BOOST_TEST(abstract.unix_name() == "name");
  BOOST_TEST(abstract.port() == 0);
  BOOST_TEST(abstract.ip_bytes().empty());
  BOOST_TEST(!parsed("unix:name").is_abstract());
}

BOOST_AUTO_TEST_CASE(loopback_and_any) {
  for (const auto* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"})
    BOOST_TEST(parsed(text).is_loopback());
  for (const auto* text :
       {"128.0.0.1:1", "0.0.0.0:1", "[::]:1", "[::2]:1", "[1::1]:1", "[::ffff:10.0.0.1]:1", "unix:/x"}) {
    BOOST_TEST(!parsed(text).is_loopback());
  }
  for (const auto* text : {"0.0.0.0:1", "[::]:1"}) BOOST_TEST(parsed(text).is_any());
  for (const auto* text : {"0.0.0.1:1", "[::1]:1", "unix:/x"}) BOOST_TEST(!parsed(text).is_any());
  BOOST_TEST(!address{}.is_any());
}

BOOST_AUTO_TEST_CASE(the_kernels_unix_names) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const auto* const raw = reinterpret_cast<const sockaddr*>(&name);
  const auto unnamed = *address::from_sockaddr(raw, sizeof(sa_family_t));
  BOOST_TEST(unnamed.is_unix());
  BOOST_TEST(unnamed.unix_name().empty());
  BOOST_TEST(to_string(unnamed) == "unix:");
  BOOST_TEST((again(unnamed) == unnamed));
  std::memcpy(name.sun_path, "/run/x", 7);
  BOOST_TEST(to_string(*address::from_sockaddr(raw, offsetof(sockaddr_un, sun_path) + 7)) == "unix:/run/x");
  const auto path = *address::from_sockaddr(raw, sizeof name);
  BOOST_TEST(to_string(path) == "unix:/run/x");
  BOOST_TEST(path.view().size == offsetof(sockaddr_un, sun_path) + 7);
  std::memcpy(name.sun_path, "\0a\0b", 5);
  const auto abstract = *address::from_sockaddr(raw, offsetof(sockaddr_un, sun_path) + 4);
  BOOST_TEST(abstract.unix_name() == std::string_view("a\0b", 3));
  BOOST_TEST(abstract.view().size == offsetof(sockaddr_un, sun_path) + 4);
  std::memset(name.sun_path, 'p', sizeof name.sun_path);  // the kernel may leave out the NUL of a path of 108 bytes
  BOOST_TEST(!address::from_sockaddr(raw, sizeof name).has_value());
  std::memcpy(name.sun_path, "@x", 3);
  BOOST_TEST(to_string(*address::from_sockaddr(raw, offsetof(sockaddr_un, sun_path) + 3)) == "unix:./@x");
}

BOOST_AUTO_TEST_CASE(sizes_and_families_that_do_not_fit_are_refused) {
  sockaddr_storage storage{};
  const auto* const raw = reinterpret_cast<const sockaddr*>(&storage);
  storage.ss_family = AF_INET;
  BOOST_TEST((address::from_sockaddr(raw, sizeof(sockaddr_in) - 1).error() == shoal::errc::invalid_argument));
  storage.ss_family = AF_INET6;
  BOOST_TEST((address::from_sockaddr(raw, sizeof(sockaddr_in)).error() == shoal::errc::invalid_argument));
  storage.ss_family = AF_UNIX;
  BOOST_TEST((address::from_sockaddr(raw, sizeof(sockaddr_un) + 1).error() == shoal::errc::invalid_argument));
  BOOST_TEST((address::from_sockaddr(raw, 0).error() == shoal::errc::invalid_argument));
  BOOST_TEST((address::from_sockaddr(nullptr, 0).error() == shoal::errc::invalid_argument));
  storage.ss_family = AF_PACKET;
  BOOST_TEST((address::from_sockaddr(raw, sizeof storage).error() == shoal::errc::not_supported));
}

BOOST_AUTO_TEST_CASE(unset) {
  const address a;
  BOOST_TEST(!a.is_set());
  BOOST_TEST(to_string(a) == "unknown");
  BOOST_TEST(a.view().size == 0U);
  BOOST_TEST((a == address{}));
  BOOST_TEST((a != parsed("0.0.0.0:0")));
}

BOOST_AUTO_TEST_CASE(copies_are_independent_and_moves_leave_unset) {
  auto a = parsed("unix:/run/a-name-that-lives-on-the-heap");
  const auto copy = a;
  const auto* const bytes = copy.unix_name().data();
  BOOST_TEST((a == copy));
  BOOST_TEST((a.unix_name().data() != bytes));
  const auto moved = std::move(a);
  BOOST_TEST((moved == copy));
  BOOST_TEST(!a.is_set());  // NOLINT: what is promised about the moved-from
  a = copy;
  a = parsed("[::1]:1");
  a = parsed("unix:/b");
  a = *&a;
  BOOST_TEST(to_string(a) == "unix:/b");
  a = parsed("1.2.3.4:5");
  BOOST_TEST(to_string(a) == "1.2.3.4:5");
}

BOOST_AUTO_TEST_CASE(order_and_hash_tell_all_of_them_apart) {
  const std::vector<std::string> texts{"1.2.3.4:5", "1.2.3.4:6", "1.2.3.5:5", "[::1]:5", "[::1%1]:5",    "[::1%2]:5",
                                       "[::2]:5",   "unix:a",    "unix:@a",   "unix:b",  "[::1.2.3.4]:5"};
  std::set<address> ordered;
  std::unordered_set<address> hashed;
  for (int twice = 0; twice < 2; ++twice) {
    for (const auto& text : texts) {
      ordered.insert(parsed(text));
      hashed.insert(parsed(text));
    }
  }
  BOOST_TEST(ordered.size() == texts.size());
  BOOST_TEST(hashed.size() == texts.size());
}

BOOST_AUTO_TEST_CASE(random_addresses_survive_the_way_through_text_and_kernel) {
  std::mt19937_64 random{shoal::test::seed()};
  for (int i = 0; i < 2000; ++i) {
    std::array<std::uint8_t, 16> bytes{};
    for (auto& b : bytes) b = random() % 3 == 0 ? 0 : static_cast<std::uint8_t>(random());
    const auto port = static_cast<std::uint16_t>(random());
    const auto v6 = address::ipv6(bytes, port, static_cast<std::uint32_t>(random() % 3));
    const auto v4 = address::ipv4({bytes[0], bytes[1], bytes[2], bytes[3]}, port);
    for (const auto& a : {v6, v4}) {
      BOOST_TEST_CONTEXT(to_string(a)) {
        BOOST_TEST((parsed(to_string(a)) == a));
        BOOST_TEST((again(a) == a));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(random_text_never_breaks_the_parser) {
  std::mt19937_64 random{shoal::test::seed() + 1};
  constexpr std::string_view letters = "0123456789.:[]%@/unix a\n";
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 20, ' ');
    for (auto& c : text) c = letters[random() % letters.size()];
    const auto a = parse_address(text);
    BOOST_TEST(a.has_value() == address_problem(text).empty());
    if (a) BOOST_TEST((parse_address(to_string(*a)) == *a), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
