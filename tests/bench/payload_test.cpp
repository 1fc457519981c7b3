// SPDX-License-Identifier: Apache-2.0
#include "payload.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

using shoal::bench::payload;

namespace {

/// Whether a copy of the message passes when it comes in pieces of `step` bytes.
bool passes(payload& sent, std::uint64_t stamp, const std::string& message, std::size_t step, bool whole) {
  for (std::size_t at = 0; at < message.size(); at += step) {
    if (!sent.matches(stamp, at, std::string_view(message).substr(at, step), whole)) return false;
  }
  return true;
}

std::string copy_of(payload& sent, std::uint64_t stamp) { return {sent.stamped(stamp), sent.size()}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(bench_payload)

BOOST_AUTO_TEST_CASE(a_message_passes_in_pieces_of_any_size) {
  for (const std::size_t size : {1, 7, 8, 15, 16, 17, 100, 1024}) {
    payload sent{size};
    const std::string message = copy_of(sent, 0x0123456789abcdef);
    for (std::size_t step = 1; step <= size; ++step) {
      BOOST_TEST(passes(sent, 0x0123456789abcdef, message, step, false));
      BOOST_TEST(passes(sent, 0x0123456789abcdef, message, step, true));
    }
  }
}

BOOST_AUTO_TEST_CASE(another_connections_message_is_told_apart) {
  for (const std::size_t size : {8, 16, 100, 1024}) {
    payload sent{size};
    const std::string other = copy_of(sent, 2);
    for (std::size_t step = 1; step <= size; ++step) BOOST_TEST(!passes(sent, 1, other, step, false));
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_byte_is_found_at_the_ends_always_and_inside_by_the_whole_check) {
  payload sent{100};
  const std::string right = copy_of(sent, 5);
  for (std::size_t at = 0; at < right.size(); ++at) {
    std::string wrong = right;
    wrong[at] = static_cast<char>(wrong[at] ^ 1);
    const bool end = at < 8 || at >= 92;
    for (const std::size_t step : {1, 9, 100}) {
      BOOST_TEST(passes(sent, 5, wrong, step, false) == !end);
      BOOST_TEST(!passes(sent, 5, wrong, step, true));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_middle_of_a_large_message_need_not_be_copied) {
  const payload large{256 * 1024};
  BOOST_TEST(!large.in_middle(0));
  const std::size_t head = large.stretch_end(0);
  BOOST_TEST(head >= 8U);
  BOOST_TEST(large.in_middle(head));
  const std::size_t middle = large.stretch_end(head);
  BOOST_TEST(middle <= large.size() - 8);
  BOOST_TEST(!large.in_middle(middle));
  BOOST_TEST(large.stretch_end(middle) == large.size());
  const payload small{1024};
  BOOST_TEST(!small.in_middle(512));
  BOOST_TEST(small.stretch_end(0) == 1024U);
}

BOOST_AUTO_TEST_SUITE_END()
