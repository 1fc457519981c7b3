// SPDX-License-Identifier: Apache-2.0
// What programmers get wrong must end in a message at the place where it went wrong, not in somebody else's bytes.
#include <shoal/buffers/foreign_slice.hpp>
#include <shoal/buffers/poison.hpp>
#include <tests/buffers/bytes.hpp>
#include <tests/buffers/death.hpp>
#include <tests/skip.hpp>

#include <boost/test/unit_test.hpp>

#include <thread>

namespace shoal::test {

namespace {

#ifdef SHOAL_POISONS
constexpr bool poisons = true;
#else
constexpr bool poisons = false;
#endif

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(misuse)

BOOST_AUTO_TEST_CASE(a_span_read_after_release_is_found_by_the_address_sanitizer) {
  if (!poisons) SHOAL_SKIP("needs AddressSanitizer: ./scripts/test asan");
  const death end = death_of([] {
    const slab_ptr memory = slab::make();
    link_buffer buffer{*memory};
    receive(buffer, "soon gone");
    const auto span = buffer.next(9).value();
    buffer.release();
    const volatile std::byte late = span[0];
    (void)late;
  });
  BOOST_TEST(end.died);
  BOOST_TEST(contains(end.said, "use-after-poison"));
}

BOOST_AUTO_TEST_CASE(a_freed_node_is_found_by_the_address_sanitizer) {
  if (!poisons) SHOAL_SKIP("needs AddressSanitizer: ./scripts/test asan");
  const death end = death_of([] {
    const slab_ptr memory = slab::make();
    auto* node = static_cast<volatile char*>(memory->allocate_node(200));
    slab::free_node(const_cast<char*>(node), 200);
    node[100] = 'x';
  });
  BOOST_TEST(end.died);
  BOOST_TEST(contains(end.said, "use-after-poison"));
}

BOOST_AUTO_TEST_CASE(a_node_freed_twice_is_noticed_in_every_build) {
  const death end = death_of([] {
    const slab_ptr memory = slab::make();
    void* node = memory->allocate_node(64);
    slab::free_node(node, 64);
    slab::free_node(node, 64);
  });
  BOOST_TEST(end.died);
  BOOST_TEST(contains(end.said, "slab node freed twice"));
}

BOOST_AUTO_TEST_CASE(a_buffer_appended_on_another_shard_is_noticed_in_every_build) {
  const death end = death_of([] {
    const slab_ptr here = slab::make();
    const slab_ptr there = slab::make({.owner = 1});
    link_buffer mine{*here};
    link_buffer theirs{*there};
    (void)theirs.write_string("from the other shard");
    (void)mine.append(std::move(theirs));
  });
  BOOST_TEST(end.died);
  BOOST_TEST(contains(end.said, "send it as a foreign_slice"));
}

BOOST_AUTO_TEST_CASE(a_slice_that_comes_home_to_another_shard_is_noticed_in_every_build) {
  const death end = death_of([] {
    const slab_ptr here = slab::make();
    const slab_ptr there = slab::make({.owner = 1});
    link_buffer buffer{*here};
    receive(buffer, "bytes");
    auto slice = foreign_slice::depart(buffer.take_all());
    (void)std::move(*slice).come_home(*there);
  });
  BOOST_TEST(end.died);
  BOOST_TEST(contains(end.said, "came home to another shard"));
}

BOOST_AUTO_TEST_CASE(another_thread_than_the_owner_is_noticed_by_assertions) {
  if (!SHOAL_ASSERTIONS) SHOAL_SKIP("needs assertions, which release builds leave out");
  const death end = death_of([] {
    const slab_ptr memory = slab::make();
    memory->bind_to_this_thread();
    std::thread{[&memory] { (void)memory->allocate_node(64); }}.join();
  });
  BOOST_TEST(end.died);
  BOOST_TEST(contains(end.said, "assertion"));
}

BOOST_AUTO_TEST_CASE(a_buffer_that_outlives_its_slab_is_noticed_by_assertions) {
  if (!SHOAL_ASSERTIONS) SHOAL_SKIP("needs assertions, which release builds leave out");
  const death end = death_of([] {
    slab_ptr memory = slab::make();
    link_buffer buffer{*memory};
    receive(buffer, "bytes");
    memory.reset();
  });
  BOOST_TEST(end.died);
  BOOST_TEST(contains(end.said, "!in_use"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::test
