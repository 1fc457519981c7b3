// SPDX-License-Identifier: Apache-2.0
// What every simulated proxy must say of itself at its end.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/core/sim/sim_host.hpp>

#include <boost/test/unit_test.hpp>

namespace shoal::test {

/// After wait(): no descriptor, block or timer is left, of the runtime or of its host.
inline void check_nothing_left(const runtime& ended, const sim::sim_host& machine) {
  for (const auto& report : ended.reports()) {
    BOOST_TEST(report.fds == 0U);
    BOOST_TEST(report.timers == 0U);
    BOOST_TEST(report.blocks == 0U);
  }
  BOOST_TEST(machine.open_descriptors() == 0U);
}

}  // namespace shoal::test
