# SPDX-License-Identifier: Apache-2.0
# How a target of ours is made.
#
#   shoal_library(NAME core SOURCES a.cpp b.cpp LINK shoal::buffers PRIVATE_LINK fmt::fmt)   -> shoal_core, shoal::core
#   shoal_program(NAME shoal-echo SOURCES main.cpp LINK shoal::shoal)                        -> bin/shoal-echo
#   shoal_umbrella()                                                                         -> shoal::shoal
#   shoal_own(TARGET)               C++23, warnings: for targets that the three above do not make

# Options for code that we wrote. Private, so that nobody who embeds us inherits our taste.
function(shoal_own target)
  target_compile_features(${target} PRIVATE cxx_std_23)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wformat=2
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
    $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
    $<$<COMPILE_LANGUAGE:CXX>:-Wextra-semi>
    # Options structs are written with designated initializers that name only what differs.
    -Wno-missing-field-initializers
    # __FILE__ in a failed check reads core/lane.hpp:41, whatever the build directory is called.
    "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/="
    "-fmacro-prefix-map=${SHOAL_INCLUDE_DIR}/shoal/="
    $<$<BOOL:${SHOAL_WERROR}>:-Werror>)
endfunction()

# A library with no sources yet is an interface of its headers, so that every folder configures from its first day.
function(shoal_library)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;LINK;PRIVATE_LINK")
  set(target shoal_${arg_NAME})
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    shoal_own(${target})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE ${arg_PRIVATE_LINK})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(shoal::${arg_NAME} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${arg_NAME})
  target_compile_features(${target} ${scope} cxx_std_23)
  target_include_directories(${target} ${scope} "$<BUILD_INTERFACE:${SHOAL_INCLUDE_DIR}>" $<INSTALL_INTERFACE:include>)
  target_link_libraries(${target} ${scope} ${arg_LINK})
endfunction()

# Headers of an app are included relative to apps/ ("proxy/relay.hpp"). Release binaries keep their symbols beside them
# in NAME.debug, which gdb and perf find by the debug link.
function(shoal_program)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;LINK")
  add_executable(${arg_NAME} ${arg_SOURCES})
  shoal_own(${arg_NAME})
  target_include_directories(${arg_NAME} PRIVATE "${PROJECT_SOURCE_DIR}/apps")
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LINK})
  if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND CMAKE_OBJCOPY)
    add_custom_command(TARGET ${arg_NAME} POST_BUILD
      COMMAND ${CMAKE_OBJCOPY} --only-keep-debug $<TARGET_FILE_NAME:${arg_NAME}> ${arg_NAME}.debug
      COMMAND ${CMAKE_OBJCOPY} --strip-debug --add-gnu-debuglink=${arg_NAME}.debug $<TARGET_FILE_NAME:${arg_NAME}>
      WORKING_DIRECTORY $<TARGET_FILE_DIR:${arg_NAME}> VERBATIM)
  endif()
  if(SHOAL_INSTALL)
    install(TARGETS ${arg_NAME} RUNTIME COMPONENT programs)
  endif()
endfunction()

function(shoal_umbrella)
  add_library(shoal_shoal INTERFACE)
  add_library(shoal::shoal ALIAS shoal_shoal)
  set_target_properties(shoal_shoal PROPERTIES EXPORT_NAME shoal)
  target_link_libraries(shoal_shoal INTERFACE shoal::net shoal::core shoal::buffers)
endfunction()
