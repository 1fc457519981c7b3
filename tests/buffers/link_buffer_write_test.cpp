// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/link_buffer.hpp>
#include <tests/buffers/bytes.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace shoal::test {

BOOST_AUTO_TEST_SUITE(link_buffer_writing)

BOOST_AUTO_TEST_CASE(what_is_written_becomes_readable_at_commit) {
  own_slab own;
  link_buffer buffer{*own.memory};
  auto space = buffer.malloc(5).value();
  std::memcpy(space.data(), "12345", 5);
  BOOST_TEST(buffer.malloc_len() == 5U);
  BOOST_TEST(buffer.empty());
  (void)buffer.commit();
  BOOST_TEST(buffer.to_string() == "12345");
}

BOOST_AUTO_TEST_CASE(malloc_ack_keeps_the_first_bytes_across_blocks) {
  own_slab own;
  for (const std::size_t kept : {0U, 1U, 4095U, 4096U, 4097U, 9000U, 9999U}) {
    link_buffer buffer{*own.memory};
    (void)buffer.write_string("committed");
    (void)buffer.commit();
    (void)buffer.write_string(pattern(10000));
    BOOST_TEST(buffer.malloc_ack(kept).has_value());
    (void)buffer.write_string("after");
    (void)buffer.commit();
    BOOST_TEST((buffer == "committed" + pattern(10000).substr(0, kept) + "after"));
  }
}

BOOST_AUTO_TEST_CASE(dropping_all_that_was_written_gives_the_block_back) {
  own_slab own;
  link_buffer buffer{*own.memory};
  (void)buffer.malloc(100);
  (void)buffer.malloc_ack(0);
  BOOST_TEST(buffer.held_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(integers_are_written_in_both_orders) {
  own_slab own;
  link_buffer buffer{*own.memory};
  (void)buffer.write_u8(1);
  (void)buffer.write_u16_be(0x0203);
  (void)buffer.write_u16_le(0x0504);
  (void)buffer.write_u32_be(0x06070809);
  (void)buffer.write_u32_le(0x0d0c0b0a);
  (void)buffer.write_u64_be(0x0e0f101112131415);
  (void)buffer.write_u64_le(0x1d1c1b1a19181716);
  (void)buffer.write_byte(std::byte{0x1e});
  (void)buffer.commit();
  for (unsigned i = 1; i <= 0x1e; ++i) BOOST_TEST(buffer.read_u8().value() == i);
}

BOOST_AUTO_TEST_CASE(many_small_writes_leave_in_few_pieces) {
  own_slab own;
  link_buffer buffer{*own.memory};
  for (int i = 0; i < 10000; ++i) (void)buffer.write_string(pattern(100));
  (void)buffer.commit();
  BOOST_TEST(buffer.len() == 1000000U);
  BOOST_TEST(piece_count(buffer) <= 24U);  // 64 KiB each, after the first few
  BOOST_TEST(buffer.held_bytes() <= 1000000U + 65536U);
}

BOOST_AUTO_TEST_CASE(a_large_owned_string_is_pointed_at_a_small_one_copied) {
  own_slab own;
  link_buffer buffer{*own.memory};
  std::string large = pattern(100000);
  const char* memory = large.data();
  BOOST_TEST(buffer.write_owned(std::move(large)).has_value());
  BOOST_TEST(own.memory->bytes_copied() == 0U);
  std::vector<char> small(4096, 's');
  BOOST_TEST(buffer.write_owned(std::move(small)).has_value());
  BOOST_TEST(own.memory->bytes_copied() == 4096U);
  (void)buffer.commit();
  BOOST_TEST((static_cast<const void*>((*buffer.pieces().begin()).data()) == memory));
  BOOST_TEST(own.memory->counters().externals_in_use == 1U);
  (void)buffer.consume(100000);
  BOOST_TEST(own.memory->counters().externals_in_use == 0U);
}

BOOST_AUTO_TEST_CASE(nothing_is_ever_written_behind_the_owners_bytes) {
  own_slab own;
  link_buffer buffer{*own.memory};
  std::string owner = pattern(5000);
  owner.reserve(10000);  // room that is not ours
  BOOST_TEST(buffer.write_owned(std::move(owner)).has_value());
  BOOST_TEST(buffer.write_string("behind").has_value());
  BOOST_TEST(buffer.malloc_ack(4000).has_value());
  BOOST_TEST(buffer.write_string("cut").has_value());
  (void)buffer.commit();
  BOOST_TEST(piece_count(buffer) == 2U);
  BOOST_TEST((buffer == pattern(5000).substr(0, 4000) + "cut"));
}

BOOST_AUTO_TEST_CASE(write_direct_inserts_before_the_last_bytes) {
  own_slab own;
  for (const std::size_t remain : {0U, 1U, 5U, 9U, 10U}) {
    link_buffer buffer{*own.memory};
    (void)buffer.write_string("01234");
    (void)buffer.write_string("56789");
    BOOST_TEST(buffer.write_direct(std::string{"<>"}, remain).has_value());
    BOOST_TEST((buffer.write_direct(std::string{"x"}, 13).error() == errc::invalid_argument));
    BOOST_TEST(buffer.write_direct(std::string{}, 0).has_value());
    (void)buffer.write_string("!");
    (void)buffer.commit();
    const std::string expected = std::string{"0123456789"}.insert(10 - remain, "<>") + "!";
    BOOST_TEST(buffer.to_string() == expected);
  }
}

BOOST_AUTO_TEST_CASE(a_refused_write_changes_nothing_and_keeps_the_owner) {
  own_slab own{{.limit_bytes = std::size_t{2} << 20, .reserve_bytes = 0}};
  std::vector<block_ref> rest;
  link_buffer buffer{*own.memory};
  (void)buffer.write_string(std::string(4000, 'x'));
  while (auto block = own.memory->allocate_block(4096)) rest.push_back(std::move(*block));
  std::string owner = pattern(8000);
  BOOST_TEST((buffer.write_owned(std::move(owner)).error() == errc::no_memory));
  BOOST_TEST(owner == pattern(8000));
  BOOST_TEST((buffer.write_string(pattern(8000)).error() == errc::no_memory));
  BOOST_TEST((buffer.malloc(200).error() == errc::no_memory));
  BOOST_TEST((buffer.book().error() == errc::no_memory));
  BOOST_TEST(buffer.malloc_len() == 4000U);
  BOOST_TEST(buffer.write_string(std::string(96, 'x')).has_value());  // the room of its own block
  rest.clear();
  BOOST_TEST(buffer.write_owned(std::move(owner)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
