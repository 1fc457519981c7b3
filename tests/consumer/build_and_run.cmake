# SPDX-License-Identifier: Apache-2.0
# Run by ctest: builds the consumer as somebody else would, then runs it.
set(work "${build}/consumer/${way}")
file(REMOVE_RECURSE "${work}")

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(options "-DCMAKE_CXX_COMPILER=${compiler}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${launcher}"
  "-DCMAKE_BUILD_TYPE=${build_type}")
if(way STREQUAL "by_package")
  run("${CMAKE_COMMAND}" --install "${build}" --prefix "${work}/prefix" --component development)
  list(APPEND options "-DCMAKE_PREFIX_PATH=${work}/prefix")
else()
  list(APPEND options "-DSHOAL_DIR=${shoal}")
endif()
run("${CMAKE_COMMAND}" -G Ninja -S "${CMAKE_CURRENT_LIST_DIR}/${way}" -B "${work}/build" ${options})
run("${CMAKE_COMMAND}" --build "${work}/build" --parallel 2)

# What only we want must not reach a project that embeds us.
foreach(ours IN ITEMS bin/shoal-proxy bin/shoal-echo bin/test_core shoal/bin)
  if(EXISTS "${work}/build/${ours}")
    message(FATAL_ERROR "${ours} was built inside somebody else's project")
  endif()
endforeach()
execute_process(COMMAND "${python}" "${CMAKE_CURRENT_LIST_DIR}/talk.py" ./consumer WORKING_DIRECTORY "${work}/build"
  COMMAND_ERROR_IS_FATAL ANY)
