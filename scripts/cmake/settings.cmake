# SPDX-License-Identifier: Apache-2.0
# What holds for the whole tree. Nothing here leaks into a project that embeds shoal by add_subdirectory.

# Headers lie beside their sources and are included as <shoal/core/shard.hpp>. These links give the compiler that view.
set(SHOAL_INCLUDE_DIR "${PROJECT_BINARY_DIR}/include")
file(MAKE_DIRECTORY "${SHOAL_INCLUDE_DIR}/shoal")
foreach(folder IN ITEMS buffers core net)
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${folder}" "${SHOAL_INCLUDE_DIR}/shoal/${folder}" SYMBOLIC)
endforeach()
file(CREATE_LINK "${PROJECT_SOURCE_DIR}/net/shoal.hpp" "${SHOAL_INCLUDE_DIR}/shoal/shoal.hpp" SYMBOLIC)

# One value for the library and for whoever includes its headers: a mixture would give one type two shapes.
if(SHOAL_ASSERTIONS STREQUAL "AUTO")
  if(CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo|MinSizeRel)$")
    set(shoal_assertions 0)
  else()
    set(shoal_assertions 1)
  endif()
else()
  set(shoal_assertions "$<BOOL:${SHOAL_ASSERTIONS}>")
endif()

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(SHOAL_CCACHE ccache)
mark_as_advanced(SHOAL_CCACHE)
if(SHOAL_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${SHOAL_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${SHOAL_CCACHE}")
endif()

# perf and the sanitizers walk frame pointers; they cost about one per cent and are worth it at night.
add_compile_options(-fno-omit-frame-pointer)
if(SHOAL_SANITIZE)
  add_compile_options("-fsanitize=${SHOAL_SANITIZE}" -fno-sanitize-recover=all)
  add_link_options("-fsanitize=${SHOAL_SANITIZE}")
  if(SHOAL_SANITIZE MATCHES "undefined")
    # It looks at memory through a pipe of its own, and reports a fault where a test has taken all descriptors.
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()
