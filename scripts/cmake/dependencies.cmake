# SPDX-License-Identifier: Apache-2.0
# Everything comes from the distribution's packages (scripts/install-deps); ARCHITECTURE.md says what each is for.
# Only Boost's headers show in ours; the rest is linked privately.
find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(hwloc REQUIRED IMPORTED_TARGET GLOBAL hwloc)
pkg_check_modules(liburing IMPORTED_TARGET GLOBAL liburing)
if(SHOAL_CONFIG)
  find_package(yaml-cpp REQUIRED)
endif()
if(SHOAL_APPS OR SHOAL_CONFIG)
  find_package(nlohmann_json REQUIRED)
endif()
if(SHOAL_APPS)
  find_package(CLI11 REQUIRED)
endif()
