# SPDX-License-Identifier: Apache-2.0
# cmake --install, and the package files that find_package(shoal) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/shoal")

foreach(folder IN ITEMS buffers core net)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/shoal"
    COMPONENT development FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(FILES "${PROJECT_SOURCE_DIR}/net/shoal.hpp" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/shoal"
  COMPONENT development OPTIONAL)

# shoal::config is a component of its own, so that only those who ask for it need yaml-cpp.
install(TARGETS shoal_buffers shoal_core shoal_net shoal_shoal EXPORT shoal COMPONENT development)
install(EXPORT shoal NAMESPACE shoal:: FILE shoal-targets.cmake DESTINATION "${package_dir}" COMPONENT development)
if(SHOAL_CONFIG)
  install(TARGETS shoal_config EXPORT shoal-config-library COMPONENT development)
  install(EXPORT shoal-config-library NAMESPACE shoal:: FILE shoal-config-targets.cmake
    DESTINATION "${package_dir}" COMPONENT development)
endif()

configure_package_config_file("${PROJECT_SOURCE_DIR}/scripts/cmake/shoal-config.cmake.in"
  "${PROJECT_BINARY_DIR}/package/shoal-config.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/shoal-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/shoal-config.cmake"
  "${PROJECT_BINARY_DIR}/package/shoal-config-version.cmake" DESTINATION "${package_dir}" COMPONENT development)
