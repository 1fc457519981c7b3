// SPDX-License-Identifier: Apache-2.0
// The simulated back ends of the pollers' suite: one host of a world of its own, on a perfect network and on a rough
// one. poller_rig.hpp says what a back end is.
//
// Thread rule: one thread.
#pragma once

#include <shoal/core/poller/poller.hpp>
#include <shoal/core/sim/world.hpp>
#include <tests/seed.hpp>

#include <memory>
#include <utility>

namespace shoal::test {

/// A perfect network.
struct sim_backend {
  static std::shared_ptr<host> machine() { return machine_in(sim::perfect_network()); }
  static std::unique_ptr<poller> make(host& machine) { return std::move(*machine.make_poller(poller_kind::simulated)); }
  static constexpr bool threaded = false;
  static constexpr bool kernel_sockets = false;

  class out_of_descriptors {
   public:
    explicit out_of_descriptors(host& machine) : machine_(static_cast<sim::sim_host&>(machine)) {
      machine_.set_descriptor_limit(machine_.open_descriptors());
    }
    out_of_descriptors(const out_of_descriptors&) = delete;
    out_of_descriptors& operator=(const out_of_descriptors&) = delete;
    ~out_of_descriptors() { machine_.set_descriptor_limit(std::size_t{1} << 20U); }

   private:
    sim::sim_host& machine_;
  };
  static bool jump_wall_clock(host& machine, duration by) {
    static_cast<sim::sim_host&>(machine).jump_wall_time(by);
    return true;
  }

 protected:
  /// The world lives as long as its only host.
  static std::shared_ptr<host> machine_in(const sim::network_profile& profile) {
    struct owner {
      explicit owner(const sim::network_profile& p) : world(seed(), p), only(world.add_host("10.0.0.1")) {}
      sim::world world;
      std::shared_ptr<sim::sim_host> only;
    };
    auto made = std::make_shared<owner>(profile);
    host* const only = made->only.get();
    return {std::move(made), only};
  }
};

/// Late acknowledgements, as of io_uring, and reads, writes and segments that are never the whole.
struct rough_sim_backend : sim_backend {
  static std::shared_ptr<host> machine() {
    using std::chrono::microseconds;
    auto profile = sim::perfect_network();
    profile.jitter = {microseconds{0}, microseconds{20}};
    profile.segment = {1, 3'000};
    profile.short_read = 0.2;
    profile.short_write = 0.2;
    profile.slow_completion = 0.5;
    profile.slow_completion_for = {microseconds{1}, microseconds{20}};
    return machine_in(profile);
  }
};

}  // namespace shoal::test
