// SPDX-License-Identifier: Apache-2.0
// The simulated stage, for the peers on it.
//
// Thread rule: the test's thread.
#pragma once

#include <shoal/core/sim/world.hpp>
#include <tests/net/stage.hpp>

#include <memory>

namespace shoal::test {

/// The host of stage_host(), as what it is.
[[nodiscard]] std::shared_ptr<sim::sim_host> sim_stage_host();
/// Lets exactly so much virtual time go by.
void sim_stage_pass(duration length);

}  // namespace shoal::test
