# SPDX-License-Identifier: Apache-2.0
# bench_lanes: calls between cores beside bare queues; left out without google-benchmark.
find_package(benchmark QUIET)
if(benchmark_FOUND)
  add_executable(bench_lanes lanes.cpp ratio_table.cpp)
  shoal_own(bench_lanes)
  target_include_directories(bench_lanes PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(bench_lanes PRIVATE shoal::core benchmark::benchmark fmt::fmt Threads::Threads)
  add_test(NAME bench_lanes_works COMMAND bench_lanes --benchmark_repetitions=1 --benchmark_min_time=0.001)
  set_tests_properties(bench_lanes_works PROPERTIES LABELS bench RUN_SERIAL TRUE)
else()
  message(STATUS "bench_lanes is left out: it needs google-benchmark")
endif()
