// SPDX-License-Identifier: Apache-2.0
// Where the tests of net run. Two programs are made of the same cases: test_net on this machine (real_stage.cpp,
// peer.cpp), and test_net_sim in a simulated world (sim_stage.cpp, sim_peer.cpp), for cases that touch sockets only
// through net_rig and peer and start no threads of their own.
//
// Thread rule: the test's thread.
#pragma once

#include <shoal/core/host/host.hpp>

#include <functional>
#include <memory>

namespace shoal::test {

/// The host of runtimes and peers. Simulated: the same as long as anybody holds it, then a new world.
[[nodiscard]] std::shared_ptr<host> stage_host();

/// Lets a simulated world go on until `ready`; false if it does not come to that within our patience, in virtual time.
/// This machine goes on by itself: true at once.
[[nodiscard]] bool stage_advance(const std::function<bool()>& ready);

}  // namespace shoal::test
