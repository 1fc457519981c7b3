# SPDX-License-Identifier: Apache-2.0
# The proxy's configuration as a library of its own: the program and tests/config link it.
#   include("${PROJECT_SOURCE_DIR}/apps/proxy/config.cmake")
include_guard(GLOBAL)

add_library(shoal_proxy_config STATIC
  ${CMAKE_CURRENT_LIST_DIR}/config_address_rules.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_cli.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_foreign_keys.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_health_type.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_listener_type.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_load.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_references.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_route_rules.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_route_type.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_rules.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_settle.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_types.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_upstream_rules.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_upstream_type.cpp
)
shoal_own(shoal_proxy_config)
target_include_directories(shoal_proxy_config PUBLIC "${PROJECT_SOURCE_DIR}/apps")
target_link_libraries(shoal_proxy_config PUBLIC shoal::config PRIVATE fmt::fmt)
