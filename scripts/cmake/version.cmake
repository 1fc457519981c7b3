# SPDX-License-Identifier: Apache-2.0
# The commit is looked up at every build, but version.cpp is written (and recompiled) only when it changed.
# Included by core/CMakeLists.txt, and run as a script by the target that it makes there.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(SHOAL_VERSION_SOURCE "${CMAKE_CURRENT_BINARY_DIR}/version.cpp")
  set(shoal_version_command "${CMAKE_COMMAND}"
    "-Droot=${PROJECT_SOURCE_DIR}" "-Dversion=${PROJECT_VERSION}"
    "-Dcompiler=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" "-Dbuild_type=${CMAKE_BUILD_TYPE}"
    "-Doutput=${SHOAL_VERSION_SOURCE}" -P "${CMAKE_CURRENT_LIST_FILE}")
  execute_process(COMMAND ${shoal_version_command} COMMAND_ERROR_IS_FATAL ANY)
  add_custom_target(shoal_version COMMAND ${shoal_version_command} BYPRODUCTS "${SHOAL_VERSION_SOURCE}" VERBATIM
    COMMENT "Looking up the commit")
  return()
endif()

# Only a repository of our own counts: a copy inside another project must not report that project's commit.
set(commit "unknown")
find_program(git git)
if(git AND EXISTS "${root}/.git")
  execute_process(COMMAND "${git}" -C "${root}" describe --always --dirty --abbrev=7 --exclude=*
    OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(commit "${described}")
  endif()
endif()
string(REPLACE "GNU " "GCC " compiler "${compiler}")
configure_file("${root}/core/version.cpp.in" "${output}" @ONLY)
