# SPDX-License-Identifier: Apache-2.0
# bench_buffers: link_buffer beside other buffers, the slab beside other allocators; left out where these are missing.
find_package(benchmark QUIET)
find_package(mimalloc QUIET)
find_library(SHOAL_LIBEVENT event_core)
if(benchmark_FOUND AND mimalloc_FOUND AND SHOAL_LIBEVENT)
  add_executable(bench_buffers buffers_bench.cpp ratio_table.cpp)
  shoal_own(bench_buffers)
  target_include_directories(bench_buffers PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(bench_buffers PRIVATE
    shoal::buffers benchmark::benchmark fmt::fmt mimalloc "${SHOAL_LIBEVENT}" Threads::Threads)
  add_test(NAME bench_buffers_works COMMAND bench_buffers --benchmark_repetitions=1 --benchmark_min_time=0.001)
  set_tests_properties(bench_buffers_works PROPERTIES LABELS bench)
else()
  message(STATUS "bench_buffers is left out: it needs google-benchmark, libevent and mimalloc")
endif()
