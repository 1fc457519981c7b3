// SPDX-License-Identifier: Apache-2.0
// Socket -> input -> output -> socket: the way every byte of a proxy takes. SHOAL_FORWARD_BYTES sets how many (default
// 64 MiB; the full run is 1 GiB).
#include <shoal/buffers/link_buffer.hpp>
#include <tests/buffers/bytes.hpp>
#include <tests/buffers/choices.hpp>
#include <tests/seed.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace shoal::test {

namespace {

struct socket_pair {
  socket_pair() { BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0); }
  ~socket_pair() {
    for (const int end : ends)
      if (end >= 0) ::close(end);
  }
  int ends[2];
};

/// A stream whose every word says where it stands.
class numbered_stream {
 public:
  void fill(std::span<std::uint64_t> words) {
    for (std::uint64_t& w : words) w = at_++ * 0x9e3779b97f4a7c15;
  }

 private:
  std::uint64_t at_ = 1;
};

void produce(int socket, std::uint64_t total) {
  numbered_stream stream;
  std::vector<std::uint64_t> words(32 * 1024);
  for (std::uint64_t sent = 0; sent < total; sent += words.size() * 8) {
    stream.fill(words);
    const auto* bytes = reinterpret_cast<const char*>(words.data());
    for (std::size_t done = 0; done < words.size() * 8;) {
      const ssize_t n = ::write(socket, bytes + done, words.size() * 8 - done);
      if (n <= 0) return;
      done += static_cast<std::size_t>(n);
    }
  }
  ::shutdown(socket, SHUT_WR);
}

/// Reads to the end; how many bytes were right before the first that was not.
std::uint64_t consume_all(int socket) {
  numbered_stream stream;
  std::vector<std::uint64_t> expected(32 * 1024);
  std::vector<std::uint64_t> words(32 * 1024);
  for (std::uint64_t right = 0;;) {
    std::size_t got = 0;
    while (got < words.size() * 8) {
      const ssize_t n = ::read(socket, reinterpret_cast<char*>(words.data()) + got, words.size() * 8 - got);
      if (n <= 0) return right;
      got += static_cast<std::size_t>(n);
    }
    stream.fill(expected);
    if (words != expected) return right;
    right += got;
  }
}

bool send_all(int socket, link_buffer& output) {
  std::array<iovec, 64> pieces;
  while (!output.empty()) {
    const ssize_t n = ::writev(socket, pieces.data(), static_cast<int>(output.get_bytes(pieces)));
    if (n <= 0 || !output.consume(static_cast<std::size_t>(n))) return false;
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(forwarding)

BOOST_AUTO_TEST_CASE(copies_nothing) {
  const char* given = std::getenv("SHOAL_FORWARD_BYTES");
  const std::uint64_t total = given != nullptr ? std::strtoull(given, nullptr, 10) : std::uint64_t{64} << 20;
  BOOST_REQUIRE(total % (256 * 1024) == 0U);
  own_slab own;
  choices any{seed()};
  socket_pair from;
  socket_pair to;
  std::uint64_t right = 0;
  std::thread producer{[&] { produce(from.ends[0], total); }};
  std::thread consumer{[&] { right = consume_all(to.ends[1]); }};
  {
    link_buffer input{*own.memory};
    link_buffer output{*own.memory};
    for (;;) {
      const auto space = input.book(std::size_t{1} << 20).value();
      const ssize_t n = ::read(from.ends[1], space.data(), space.size());
      BOOST_REQUIRE(input.book_ack(n > 0 ? static_cast<std::size_t>(n) : 0).has_value());
      if (n <= 0) break;
      // Mostly all of it, as a relay does; sometimes cut up, as a protocol does.
      if (any.one_in(4)) {
        const std::size_t part = any.below(input.len() + 1);
        BOOST_REQUIRE(output.append(input.slice(part).value()).has_value());
        BOOST_REQUIRE(output.append(input.take(input.len() / 2).value()).has_value());
      }
      BOOST_REQUIRE(output.append(input.take_all()).has_value());
      (void)output.commit();
      BOOST_REQUIRE(send_all(to.ends[0], output));
      BOOST_REQUIRE(input.held_bytes() + output.held_bytes() == 0U);
    }
  }
  ::shutdown(to.ends[0], SHUT_WR);
  producer.join();
  consumer.join();
  BOOST_TEST(right == total);
  BOOST_TEST(own.memory->bytes_copied() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
