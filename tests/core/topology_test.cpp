// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/topology.hpp>

#include <shoal/core/affinity.hpp>

#include <boost/test/unit_test.hpp>

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <system_error>
#include <thread>

BOOST_AUTO_TEST_SUITE(topology_suite)

BOOST_AUTO_TEST_CASE(this_machine_is_the_affinity_mask) {
  cpu_set_t mask;
  BOOST_REQUIRE(::sched_getaffinity(0, sizeof mask, &mask) == 0);
  const auto machine = shoal::discover();
  BOOST_TEST(machine.cpus.size() == static_cast<std::size_t>(CPU_COUNT(&mask)));
  for (const auto& c : machine.cpus) BOOST_TEST(CPU_ISSET(c.os_index, &mask));
  BOOST_TEST(machine.quota > 0.0);
  BOOST_TEST(machine.memory_limit_bytes > std::size_t{16} << 20);
}

BOOST_AUTO_TEST_CASE(two_sockets_with_hyperthreads) {
  const auto machine = shoal::from_synthetic("pack:2 [numa(memory=137438953472)] l3:8 core:8 pu:2");
  BOOST_REQUIRE(machine.cpus.size() == 256U);
  std::set<unsigned> cores, packages, nodes, caches;
  for (const auto& c : machine.cpus) {
    cores.insert(c.core);
    packages.insert(c.package);
    nodes.insert(c.numa);
    caches.insert(c.l3);
  }
  BOOST_TEST(cores.size() == 128U);
  BOOST_TEST(packages.size() == 2U);
  BOOST_TEST(nodes.size() == 2U);
  BOOST_TEST(caches.size() == 16U);
  BOOST_TEST(std::ranges::count(machine.cpus, 1U, &shoal::cpu::smt_rank) == 128);
  BOOST_TEST(machine.memory_limit_bytes == std::size_t{256} << 30);
}

BOOST_AUTO_TEST_CASE(hybrid_cores_have_a_speed) {
  const auto machine = shoal::from_xml(SHOAL_TEST_DATA "/hybrid.xml");  // 6 fast cores of two threads, 8 slow of one
  BOOST_REQUIRE(machine.cpus.size() == 20U);
  for (const auto& c : machine.cpus) BOOST_TEST(c.speed == (c.os_index < 12 ? 1U : 0U));
}

BOOST_AUTO_TEST_CASE(a_machine_without_caches_or_numa) {
  const auto machine = shoal::from_synthetic("pu:1");
  BOOST_REQUIRE(machine.cpus.size() == 1U);
  BOOST_TEST((machine.cpus[0] == shoal::cpu{}));
}

BOOST_AUTO_TEST_CASE(the_mask_and_the_limits_confine) {
  const auto machine = shoal::from_synthetic("pack:1 core:8 pu:1",
                                             {.mask = {4, 5, 7, 99}, .limits = {.cpus = 1.5, .memory_bytes = 1 << 20}});
  BOOST_REQUIRE(machine.cpus.size() == 3U);
  BOOST_TEST(machine.cpus[2].os_index == 7U);
  BOOST_TEST(machine.quota == 1.5);
  BOOST_TEST(machine.memory_limit_bytes == 1U << 20);
  BOOST_CHECK_THROW(static_cast<void>(shoal::from_synthetic("pu:2", {.mask = {9}, .limits = {}})), std::system_error);
  BOOST_CHECK_THROW(static_cast<void>(shoal::from_synthetic("nonsense")), std::system_error);
  BOOST_CHECK_THROW(static_cast<void>(shoal::from_xml("/nonexistent.xml")), std::system_error);
}

BOOST_AUTO_TEST_CASE(a_bound_thread_stays_on_its_cpu_and_its_children_too) {
  const auto cpu = shoal::discover().cpus.back().os_index;
  std::thread{[cpu] {
    BOOST_REQUIRE(shoal::bind_this_thread(cpu).has_value());
    const auto seen = shoal::discover();
    BOOST_REQUIRE(seen.cpus.size() == 1U);
    BOOST_TEST(seen.cpus[0].os_index == cpu);
    BOOST_TEST(static_cast<unsigned>(::sched_getcpu()) == cpu);
  }}.join();
}

BOOST_AUTO_TEST_CASE(binding_to_a_cpu_that_is_not_there_says_so) {
  BOOST_TEST((shoal::bind_this_thread(8191).error() == std::errc::invalid_argument));
  BOOST_TEST((shoal::bind_this_thread(4'000'000'000).error() == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(a_thread_shows_its_name) {
  std::thread{[] {
    std::array<char, 16> name{};
    shoal::name_this_thread("shoal-0");
    BOOST_REQUIRE(::pthread_getname_np(::pthread_self(), name.data(), name.size()) == 0);
    BOOST_TEST(std::string_view{name.data()} == "shoal-0");
    shoal::name_this_thread("a-name-longer-than-the-kernel-keeps");
    BOOST_REQUIRE(::pthread_getname_np(::pthread_self(), name.data(), name.size()) == 0);
    BOOST_TEST(std::string_view{name.data()} == "a-name-longer-t");
  }}.join();
}

BOOST_AUTO_TEST_CASE(binding_memory_leaves_it_usable) {
  constexpr std::size_t bytes = 1 << 20;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  BOOST_REQUIRE(memory != MAP_FAILED);
  const auto bound = shoal::bind_memory(memory, bytes, 0);
  BOOST_TEST((bound.has_value() || bound.error() == std::errc::function_not_supported ||
              bound.error() == std::errc::operation_not_permitted));
  std::fill_n(static_cast<char*>(memory), bytes, 'x');
  BOOST_TEST(!shoal::bind_memory(memory, bytes, 1023).has_value());
  ::munmap(memory, bytes);
}

BOOST_AUTO_TEST_SUITE_END()
